import { describe, expect, it } from 'vitest'
import {
  formatMoney,
  moneyCapitals,
  moneyCapitalsShort,
  parseFen,
  parseMoney,
  percent,
  type MoneyUnit,
} from '@/lib/money'

describe('what a person pastes', () => {
  const understood: [string, MoneyUnit, string][] = [
    ['18560', 'wan', '18560000000'],
    ['18,560', 'wan', '18560000000'],
    ['18560万', 'yuan', '18560000000'],
    ['18,560 万元', 'yuan', '18560000000'],
    ['１８，５６０万元', 'yuan', '18560000000'],
    ['1.856亿元', 'wan', '18560000000'],
    ['1.856 亿', 'yuan', '18560000000'],
    ['185,600,000元', 'wan', '18560000000'],
    ['￥185,600,000.00', 'yuan', '18560000000'],
    ['¥ 12.34', 'yuan', '1234'],
    ['人民币12.3元整', 'wan', '1230'],
    ['0.01', 'yuan', '1'],
    ['0.000001', 'wan', '1'],
    ['1,286.50', 'wan', '1286500000'],
    ['　96.40　', 'wan', '96400000'],
    ['0', 'wan', '0'],
    ['12.000', 'yuan', '1200'],
  ]
  it.each(understood)('%s in %s is %s 分', (text, unit, fen) => {
    expect(parseMoney(text, unit)).toMatchObject({ ok: true, fen: BigInt(fen) })
  })

  const refused: [string, MoneyUnit, string][] = [
    ['', 'wan', 'empty'],
    ['   ', 'wan', 'empty'],
    ['1,23', 'wan', 'decimal_comma'],
    ['1234,56', 'wan', 'decimal_comma'],
    ['1.234,56', 'wan', 'decimal_comma'],
    ['1,2345', 'wan', 'grouping'],
    ['18,56,000', 'wan', 'grouping'],
    ['0,123', 'wan', 'grouping'],
    ['1,234,56', 'wan', 'grouping'],
    ['1亿2万', 'yuan', 'mixed_units'],
    ['1万亿元', 'yuan', 'mixed_units'],
    ['万元', 'wan', 'not_a_number'],
    ['12.345', 'yuan', 'below_one_fen'],
    ['0.0000001', 'wan', 'below_one_fen'],
    ['-5', 'wan', 'negative'],
    ['－5', 'wan', 'negative'],
    ['1e5', 'wan', 'not_a_number'],
    ['1 000', 'wan', 'not_a_number'],
    ['1.2.3', 'wan', 'not_a_number'],
    ['.5', 'wan', 'not_a_number'],
    ['5.', 'wan', 'not_a_number'],
    ['壹佰', 'wan', 'not_a_number'],
    ['18560美元', 'yuan', 'not_a_number'],
    ['+5', 'wan', 'not_a_number'],
    ['99999999999999999999', 'yuan', 'too_large'],
    ['9223372036854775808', 'yi', 'too_large'],
    ['92233720368547758.08', 'yuan', 'too_large'],
  ]
  it.each(refused)('%s in %s is refused: %s', (text, unit, problem) => {
    expect(parseMoney(text, unit)).toEqual({ ok: false, problem })
  })

  it('reads back what it writes, in every unit', () => {
    for (const fen of [
      0n,
      1n,
      99n,
      100n,
      1_000_000n,
      18_560_000_000n,
      123_456_789_012_345n,
      9_223_372_036_854_775_807n,
    ]) {
      for (const unit of ['yuan', 'wan', 'yi'] as const) {
        expect(parseMoney(formatMoney(fen, unit).digits, unit)).toMatchObject({ ok: true, fen })
      }
    }
  })
})

it('formats exactly, and rounds only when told to', () => {
  const table: [string, MoneyUnit, number | undefined, string][] = [
    ['18460000000', 'wan', undefined, '18,460'],
    ['1286500000', 'wan', undefined, '1,286.50'],
    ['18460000001', 'wan', undefined, '18,460.000001'],
    ['1234', 'yuan', undefined, '12.34'],
    ['987700000000', 'yi', 2, '98.77'],
    ['987749999999', 'yi', 2, '98.77'],
    ['987750000000', 'yi', 2, '98.78'],
    ['999999999999', 'yi', 2, '100.00'],
    ['-100000000', 'wan', undefined, '−100'],
  ]
  for (const [fen, unit, decimals, text] of table) expect(formatMoney(BigInt(fen), unit, decimals).digits).toBe(text)
})

it('states shares in hundredths of a percent', () => {
  expect(percent(2_600n, 15_860n)).toBe('16.39%')
  expect(percent(-685n, 10_000n)).toBe('−6.85%')
  expect(percent(1n, 0n)).toBe('—')
})

it('writes 大写', () => {
  const table: [string, string][] = [
    ['0', '人民币零元整'],
    ['1', '人民币壹分'],
    ['10', '人民币壹角整'],
    ['100', '人民币壹元整'],
    ['105', '人民币壹元零伍分'],
    ['150', '人民币壹元伍角整'],
    ['155', '人民币壹元伍角伍分'],
    ['1000', '人民币壹拾元整'],
    ['10000', '人民币壹佰元整'],
    ['100100', '人民币壹仟零壹元整'],
    ['101000', '人民币壹仟零壹拾元整'],
    ['1000000', '人民币壹万元整'],
    ['1000100', '人民币壹万零壹元整'],
    ['10050000', '人民币壹拾万零伍佰元整'],
    ['18560000000', '人民币壹亿捌仟伍佰陆拾万元整'],
    ['10000000000', '人民币壹亿元整'],
    ['10000010000', '人民币壹亿零壹佰元整'],
    ['10010000000', '人民币壹亿零壹拾万元整'],
    ['1000000000000', '人民币壹佰亿元整'],
    ['100000000000000', '人民币壹万亿元整'],
    ['123456789012', '人民币壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元壹角贰分'],
    ['9223372036854775807', '人民币玖亿贰仟贰佰叁拾叁万柒仟贰佰零叁亿陆仟捌佰伍拾肆万柒仟柒佰伍拾捌元零柒分'],
  ]
  for (const [fen, text] of table) expect(moneyCapitals(BigInt(fen)), fen).toBe(text)
  expect(moneyCapitalsShort(18_460_000_000n)).toBe('壹亿捌仟肆佰陆拾万元整')
  expect(moneyCapitalsShort(10_000_000_000n)).toBe('壹亿元整')
})

it('takes amounts in payloads only in their one form', () => {
  expect(parseFen('0')).toBe(0n)
  for (const bad of ['', '01', '-1', '1.0', ' 1', '9223372036854775808']) expect(() => parseFen(bad)).toThrow()
})
