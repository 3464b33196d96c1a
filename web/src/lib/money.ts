/**
 * Money is 分 (1/100 yuan) in a bigint; no float ever touches it.
 * What a person pastes is understood or refused, never misread.
 */

export type Fen = bigint

export type MoneyUnit = 'yuan' | 'wan' | 'yi'

/** 分 in one 元, 万元, 亿元. */
export const UNIT_FEN: Record<MoneyUnit, Fen> = { yuan: 100n, wan: 1_000_000n, yi: 10_000_000_000n }

/** The server keeps money in a signed 64-bit integer. */
export const MONEY_FEN_MAX: Fen = 9_223_372_036_854_775_807n

export type MoneyProblem =
  'empty' | 'not_a_number' | 'grouping' | 'decimal_comma' | 'mixed_units' | 'below_one_fen' | 'negative' | 'too_large'

export type MoneyParse = { ok: true; fen: Fen; unit: MoneyUnit } | { ok: false; problem: MoneyProblem }

const FULL_WIDTH = /[０-９．，－＋￥]/g
const refuse = (problem: MoneyProblem): MoneyParse => ({ ok: false, problem })

/** Full-width digits and signs to ASCII; spaces that come along with pasted text are dropped at the ends only. */
function toHalfWidth(text: string): string {
  return text
    .replace(FULL_WIDTH, (c) => (c === '￥' ? '¥' : String.fromCharCode(c.charCodeAt(0) - 0xfee0)))
    .replace(/[、]/g, ',')
    .replace(/[\u00a0\u2007\u202f\u3000\ufeff\t]/g, ' ')
    .trim()
}

const UNIT_WORDS: [RegExp, MoneyUnit][] = [
  [/(?:亿元|亿圆|亿)$/, 'yi'],
  [/(?:万元|万圆|萬元|万|萬|w)$/i, 'wan'],
  [/(?:元|圆|圓|rmb|cny)$/i, 'yuan'],
]

/**
 * Reads an amount; a number without a unit is taken in `bare`, the unit that the field shows.
 *
 * Refused rather than guessed: commas that do not group by three (`1,23`) or by four (`1,2345`), two units in one
 * text (`1亿2万`), more decimals than one 分, signs, exponents, Chinese numerals, spaces between digits.
 */
export function parseMoney(text: string, bare: MoneyUnit): MoneyParse {
  let rest = toHalfWidth(text)
  if (rest === '') return refuse('empty')
  rest = rest
    .replace(/^(?:人民币|RMB|CNY)\s*/i, '')
    .replace(/^[¥￥]\s*/, '')
    .replace(/整$/, '')
    .trim()

  let unit = bare
  for (const [word, named] of UNIT_WORDS) {
    if (word.test(rest)) {
      rest = rest.replace(word, '').trim()
      unit = named
      break
    }
  }
  if (/[亿万萬元圆圓]/.test(rest)) return refuse('mixed_units')
  if (/^-/.test(rest)) return refuse('negative')
  if (!/^[0-9.,]+$/.test(rest)) return refuse('not_a_number')
  if (rest.includes(',')) {
    if (/^\d{1,2},\d{1,2}$|^\d{4,},\d{1,2}$|\.\d+,/.test(rest)) return refuse('decimal_comma')
    if (!/^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(rest)) return refuse('grouping')
    rest = rest.replaceAll(',', '')
  }
  const parts = /^(\d+)(?:\.(\d+))?$/.exec(rest)
  if (!parts) return refuse('not_a_number')
  if (parts[1]!.length > 20) return refuse('too_large')

  // Digits of a 分 that this unit leaves after the point: 元 2, 万元 6, 亿元 10.
  const places = UNIT_FEN[unit].toString().length - 1
  const fraction = (parts[2] ?? '').replace(/0+$/, '')
  if (fraction.length > places) return refuse('below_one_fen')
  const fen = BigInt(parts[1]!) * UNIT_FEN[unit] + BigInt(fraction.padEnd(places, '0') || '0')
  return fen > MONEY_FEN_MAX ? refuse('too_large') : { ok: true, fen, unit }
}

/** A decimal string of 分 as it stands in payloads: digits only, no leading zero, within range. */
export function parseFen(text: string): Fen {
  if (!/^(0|[1-9]\d{0,18})$/.test(text)) throw new Error(`not an amount in fen: ${text}`)
  const fen = BigInt(text)
  if (fen > MONEY_FEN_MAX) throw new Error('amount out of range')
  return fen
}

export interface MoneyText {
  /** Digits with thousands separators, e.g. `18,460` or `1,286.50`. */
  digits: string
  unit: MoneyUnit
}

const group = (digits: string): string => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',')

/** 万元 from 1 万元 on, 亿元 only when asked for: bidders compare prices in one unit. */
export const naturalUnit = (fen: Fen): MoneyUnit => (abs(fen) >= UNIT_FEN.wan ? 'wan' : 'yuan')

const abs = (fen: Fen): Fen => (fen < 0n ? -fen : fen)

/**
 * Exact digits of an amount in a unit: whole numbers bare, otherwise at least two decimals and as many as it takes.
 * With `decimals` it rounds half up to that many, which is for statistics only and never for a price.
 */
export function formatMoney(fen: Fen, unit: MoneyUnit = naturalUnit(fen), decimals?: number): MoneyText {
  const sign = fen < 0n ? '−' : ''
  const places = UNIT_FEN[unit].toString().length - 1
  let value = abs(fen)
  let shown = places
  if (decimals !== undefined && decimals < places) {
    const drop = 10n ** BigInt(places - decimals)
    value = (value + drop / 2n) / drop
    shown = decimals
  }
  const scale = 10n ** BigInt(shown)
  const whole = group((value / scale).toString())
  let fraction = shown > 0 ? (value % scale).toString().padStart(shown, '0') : ''
  if (decimals === undefined) {
    fraction = fraction.replace(/0+$/, '')
    if (fraction !== '') fraction = fraction.padEnd(2, '0')
  } else {
    fraction = fraction.padEnd(decimals, '0')
  }
  return { digits: sign + (fraction === '' ? whole : `${whole}.${fraction}`), unit }
}

/** `part` of `whole` in hundredths of a percent, rounded half away from zero, as text with two decimals. */
export function percent(part: Fen, whole: Fen): string {
  if (whole <= 0n) return '—'
  const basisPoints = (abs(part) * 20_000n + whole) / (2n * whole)
  const text = `${group((basisPoints / 100n).toString())}.${(basisPoints % 100n).toString().padStart(2, '0')}`
  return `${part < 0n ? '−' : ''}${text}%`
}

const CAPITAL = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'] as const
const PLACE = ['', '拾', '佰', '仟'] as const
/** 亿 over 万 over four digits; a 零 wherever places between two said digits are skipped. */
function capitalInteger(value: bigint): string {
  for (const [scale, name] of [
    [100_000_000n, '亿'],
    [10_000n, '万'],
  ] as const) {
    if (value >= scale) {
      const rest = value % scale
      const gap = rest > 0n && rest < scale / 10n ? '零' : ''
      return capitalInteger(value / scale) + name + gap + (rest > 0n ? capitalInteger(rest) : '')
    }
  }
  let text = ''
  let zero = false
  for (let place = 3; place >= 0; place--) {
    const digit = Math.floor(Number(value) / 10 ** place) % 10
    if (digit === 0) zero = text !== ''
    else {
      text += (zero ? '零' : '') + CAPITAL[digit]! + PLACE[place]!
      zero = false
    }
  }
  return text
}

/**
 * 大写 as banks and tenders write it: 人民币…元整, …元伍角, …元零伍分 (支付结算办法 附一, 正确填写票据和结算凭证的基本规定).
 * Negative amounts have no 大写 and throw.
 */
export function moneyCapitals(fen: Fen): string {
  if (fen < 0n) throw new Error('a negative amount has no capitals')
  const yuan = fen / 100n
  const jiao = Number((fen / 10n) % 10n)
  const rest = Number(fen % 10n)
  let text = '人民币'
  if (yuan > 0n) text += `${capitalInteger(yuan)}元`
  if (jiao === 0 && rest === 0) return `${text}${yuan > 0n ? '' : '零元'}整`
  if (jiao > 0) text += `${CAPITAL[jiao]}角`
  else if (yuan > 0n) text += '零'
  text += rest > 0 ? `${CAPITAL[rest]}分` : '整'
  return text
}

/** The same without 人民币, as it stands under a price on a screen. */
export function moneyCapitalsShort(fen: Fen): string {
  return moneyCapitals(fen).slice('人民币'.length)
}
