import { describe, expect, it } from 'vitest'
import { amount, bodyOf, faultsOf, measured, newLot, type LegalBounds, type LotDraft } from '@/wizard/draft'
import { example } from '@/wizard/example'

const NOW = Date.UTC(2026, 10, 25, 4)
const bounds: LegalBounds = {
  category: 'A',
  notice_days_min: { value: 20, source: '招标投标法第二十四条' },
  publicity_days_min: { value: 3, source: '实施条例第五十四条' },
  deposit_percent_max: { value: 2, source: '实施条例第二十六条' },
  bidders_min: { value: 3, source: '招标投标法第二十八条' },
}
const draft = (change: Partial<LotDraft> = {}): LotDraft => ({
  ...newLot('A', bounds, NOW),
  title: '污水管网改造',
  estimate: '1,250 万元',
  start: '１２００万元',
  step: '5万',
  deposit: '20万',
  ...change,
})
const faults = (change: Partial<LotDraft>) => faultsOf(draft(change), bounds, NOW)

it('offers a timetable that the law allows from the first', () => {
  for (const category of ['A', 'B', 'C', 'D'] as const) {
    const lot = {
      ...draft(),
      ...newLot(category, bounds, NOW),
      title: 'x',
      estimate: '100万',
      start: '90万',
      step: '1万',
    }
    expect(faultsOf(lot, bounds, NOW)).toEqual({})
  }
})

it('understands amounts as they are typed, or refuses them', () => {
  expect(amount('1,250 万元')).toBe(1_250_000_000n)
  expect(amount('１２００万元')).toBe(1_200_000_000n)
  expect(amount('5万')).toBe(5_000_000n)
  for (const text of ['', '0', '12.345', '约 5 万', '-3']) expect(amount(text)).toBeNull()
})

describe('what is wrong stands beside its field', () => {
  it.each([
    [{ title: ' ' }, 'title', 'desk.wiz.need'],
    [{ start: '一百' }, 'start', 'desk.wiz.badMoney'],
    [{ maxSteps: 0 }, 'maxSteps', 'desk.wiz.badNumber'],
    [{ window: 2.5 }, 'window', 'desk.wiz.badNumber'],
    [{ priority: '12345' }, 'priority', 'desk.wiz.badCredit'],
    [{ reserve: 'abc' }, 'reserve', 'desk.wiz.badReserve'],
    [{ sign_up_opens: '2026-11-24T09:00' }, 'sign_up_opens', 'desk.wiz.badOrder'],
    [{ deposit_due: '2026-12-01T09:00' }, 'deposit_due', 'desk.wiz.badOrder'],
    [{ auction_opens: '' }, 'auction_opens', 'desk.wiz.need'],
    [{ minBidders: 2 }, 'minBidders', 'desk.wiz.biddersFew'],
    [{ deposit: '30万' }, 'deposit', 'desk.wiz.depositHigh'],
  ])('%o', (change, field, key) => expect(faults(change)[field]?.key).toBe(key))

  it('names the article of a notice that is too short', () => {
    const short = {
      sign_up_closes: '2026-12-01T09:00',
      deposit_due: '2026-12-02T09:00',
      auction_opens: '2026-12-03T09:00',
    }
    expect(faults(short).auction_opens).toEqual({
      key: 'desk.wiz.noticeShort',
      values: { n: 20, source: '招标投标法第二十四条' },
    })
  })
})

it('measures the deposit exactly at its bound', () => {
  expect(measured(draft({ deposit: '25万' }), NOW).percent).toBe(2)
  expect(faults({ deposit: '25万' }).deposit).toBeUndefined()
  expect(faults({ deposit: '250,200元' }).deposit?.key).toBe('desk.wiz.depositHigh')
})

it('sends what the server understands, and nothing that was left empty', () => {
  const body = bodyOf(draft({ method: 'listing', quoting: 10, confirm: 5 })) as {
    rules: { method: object; timetable: Record<string, string> }
  }
  expect(body).toMatchObject({
    title: '污水管网改造',
    estimate: '1250000000',
    rules: {
      method: { name: 'listing', start: '1200000000', step: '5000000', quoting: 864_000_000_000, confirm: 300_000_000 },
      deposit: '20000000',
      min_bidders: 3,
    },
  })
  expect(Object.keys(body.rules)).toEqual(['method', 'min_bidders', 'deposit', 'timetable'])
  // 09:30 in Beijing.
  expect(body.rules.timetable.auction_opens).toMatch(/T01:30:00\.000000Z$/)
  const all = bodyOf(
    draft({ cap: '900万', priority: '913302990000000011\n913302990000000022', reserve: `${'A'.repeat(43)}=` }),
  )
  expect(all).toMatchObject({
    rules: {
      cap: '900000000',
      priority: ['913302990000000011', '913302990000000022'],
      reserve: { disclosure: 3_600_000_000 },
    },
  })
})

it('works the rules through with figures, downwards as upwards', () => {
  const told: Record<string, Record<string, unknown>> = {}
  const say = (key: string, values: Record<string, unknown> = {}) => ((told[key] = values), key)
  example(draft(), say)
  expect(told['desk.wiz.ex2']).toEqual({ lead: '1,190', min: '1,140', max: '1,185' })
  example(draft({ method: 'ascending' }), say)
  expect(told['desk.wiz.ex2']).toEqual({ lead: '1,210', min: '1,215', max: '1,260' })
  expect(told['desk.wiz.ex4']).toEqual({ t1: '10:34:40', t2: '10:39:40' })
  expect(example(draft({ start: '?' }), say)).toEqual([])
})
