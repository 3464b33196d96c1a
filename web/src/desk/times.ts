/** Beijing time, wherever the computer stands: the centre's rooms and sessions are there. */
import { locale } from '@/i18n'
import { clockText, parseTime, type Micros } from '@/lib/time'

export const ZONE = 'Asia/Shanghai'
const BEIJING_MS = 8 * 3_600_000
/** A room is set up before the opening and kept until well after the usual hammer. */
export const SET_UP_MS = 30 * 60_000
export const KEPT_MS = 3 * 3_600_000

/** `datetime-local` fields speak Beijing time here. */
export const toLocal = (ms: number): string => new Date(ms + BEIJING_MS).toISOString().slice(0, 16)
export const fromLocal = (text: string): Micros => parseTime(`${text}:00.000000Z`) - BigInt(BEIJING_MS) * 1000n

/** `date` as the ledger writes it, `clock` to the minute, `short` for lists: `11-26 09:30`. */
export function beijing(ms: number): { date: string; clock: string; short: string } {
  const { date, time } = clockText(BigInt(Math.round(ms)) * 1000n, ZONE)
  const clock = time.slice(0, 5)
  return { date, clock, short: `${date.slice(5)} ${clock}` }
}

/** A day in words: 11月26日星期四. */
export const dayInWords = (date: string): string =>
  new Intl.DateTimeFormat(locale.value, { month: 'long', day: 'numeric', weekday: 'long', timeZone: 'UTC' }).format(
    new Date(`${date}T00:00:00Z`),
  )

/** A time of the ledger, to the second, in Beijing. */
export function beijingText(time: string): string {
  const { date, time: clock } = clockText(parseTime(time), ZONE)
  return `${date} ${clock}`
}
