/** A notice as it is being written: what is typed, what is wrong with it, and what it comes to when it is published. */

import type { Schemas } from '@/api/client'
import { fromLocal, toLocal } from '@/desk/times'
import { parseMoney, type Fen } from '@/lib/money'
import { formatTime, toMillis, type Micros } from '@/lib/time'
import { ulid } from '@/lib/ulid'
import type { Category } from '@/model/events'

export type LegalBounds = Schemas['LegalBounds']
export type MethodName = 'ascending' | 'descending' | 'listing'
export const METHODS: readonly MethodName[] = ['ascending', 'descending', 'listing']
export const TIMES = ['sign_up_opens', 'sign_up_closes', 'deposit_due', 'auction_opens'] as const
export type TimeField = (typeof TIMES)[number]
const AMOUNTS = ['estimate', 'start', 'step'] as const

export interface DocumentDraft {
  name: string
  sha256: string
  bytes: number
}

export interface LotDraft extends Record<TimeField, string> {
  id: string
  title: string
  method: MethodName
  estimate: string
  start: string
  step: string
  maxSteps: number
  /** Minutes. */
  free: number
  /** Days. */
  quoting: number
  /** Minutes. */
  confirm: number
  /** Minutes. */
  window: number
  minBidders: number
  deposit: string
  cap: string
  /** Unified social credit codes, the first right first; one a line. */
  priority: string
  /** The owner's sealed reserve: its commitment in base64, and the minutes in which it is disclosed after the close. */
  reserve: string
  disclosure: number
  documents: DocumentDraft[]
}

/** What is wrong with which field: a key of the locale files, with its values. */
export type Faults = Partial<Record<string, { key: string; values?: Record<string, string | number> }>>

/** What stands beside the fields: our own findings, and the server's refusals in its words. */
export type Shown = Partial<Record<string, Faults[string] | string>>

const DAY_MS = 86_400_000
const MINUTE = 60_000_000

/** What a lot of this category usually is; every figure can be changed. Opening hours: 09:30 in Beijing. */
export function newLot(category: Category, bounds: LegalBounds | undefined, nowMs: number): LotDraft {
  const notice = Number(bounds?.notice_days_min.value ?? 20)
  const day = (n: number, clock: string) => `${toLocal(nowMs + n * DAY_MS).slice(0, 10)}T${clock}`
  return {
    id: ulid(),
    title: '',
    method: category === 'A' || category === 'D' ? 'descending' : category === 'B' ? 'listing' : 'ascending',
    estimate: '',
    start: '',
    step: '',
    maxSteps: 10,
    free: 60,
    quoting: 10,
    confirm: 5,
    window: 5,
    minBidders: Number(bounds?.bidders_min.value ?? 1),
    deposit: '',
    cap: '',
    priority: '',
    reserve: '',
    disclosure: 60,
    documents: [],
    sign_up_opens: day(1, '09:00'),
    sign_up_closes: day(notice - 1, '17:00'),
    deposit_due: day(notice, '17:00'),
    auction_opens: day(notice + 1, '09:30'),
  }
}

/** 分 of what is typed; null where it is no amount. Bare numbers are yuan. */
export function amount(text: string): Fen | null {
  const parsed = parseMoney(text, 'yuan')
  return parsed.ok && parsed.fen > 0n ? parsed.fen : null
}

export const momentOf = (text: string): Micros | null => (text ? fromLocal(text) : null)

/** When the timed period begins. */
export function timedFrom(lot: LotDraft): Micros | null {
  const opens = momentOf(lot.auction_opens)
  if (opens === null) return null
  const minutes = lot.method === 'listing' ? lot.quoting * 1440 + lot.confirm : lot.free
  return opens + BigInt(Math.round(minutes * MINUTE))
}

/** Whole days from now to the opening, and the deposit in hundredths of the estimate: what the law bounds. */
export function measured(lot: LotDraft, nowMs: number): { days: number | null; percent: number | null } {
  const opens = momentOf(lot.auction_opens)
  const [estimate, deposit] = [amount(lot.estimate), lot.deposit.trim() ? amount(lot.deposit) : 0n]
  return {
    days: opens === null ? null : Math.floor((toMillis(opens) - nowMs) / DAY_MS),
    percent: estimate === null || deposit === null ? null : Number((deposit * 10_000n) / estimate) / 100,
  }
}

const CREDIT_CODE = /^[0-9A-HJ-NP-RTUW-Y]{18}$/
export const priorityOf = (lot: LotDraft): string[] => lot.priority.split(/[\s,，;；]+/).filter(Boolean)

/** Everything that is wrong before it is sent; the server asks all of it again. */
export function faultsOf(lot: LotDraft, bounds: LegalBounds | undefined, nowMs: number): Faults {
  const faults: Faults = {}
  if (!lot.title.trim()) faults.title = { key: 'desk.wiz.need' }
  for (const field of AMOUNTS) if (amount(lot[field]) === null) faults[field] = { key: 'desk.wiz.badMoney' }
  for (const field of ['deposit', 'cap'] as const)
    if (lot[field].trim() && amount(lot[field]) === null) faults[field] = { key: 'desk.wiz.badMoney' }
  for (const field of ['maxSteps', 'window', 'minBidders'] as const)
    if (!Number.isInteger(lot[field]) || lot[field] < 1) faults[field] = { key: 'desk.wiz.badNumber' }
  if (priorityOf(lot).some((code) => !CREDIT_CODE.test(code))) faults.priority = { key: 'desk.wiz.badCredit' }
  if (lot.reserve.trim() && !/^[A-Za-z0-9+/]{43}=$/.test(lot.reserve.trim()))
    faults.reserve = { key: 'desk.wiz.badReserve' }
  const times = TIMES.map((field) => momentOf(lot[field]))
  TIMES.forEach((field, i) => {
    const [time, before] = [times[i], i === 0 ? BigInt(nowMs) * 1000n : times[i - 1]]
    if (time == null) faults[field] = { key: 'desk.wiz.need' }
    else if (before != null && time <= before) faults[field] = { key: 'desk.wiz.badOrder' }
  })
  if (!bounds) return faults
  const { days } = measured(lot, nowMs)
  const law = (bound: { value: number; source: string }) => ({ n: bound.value, source: bound.source })
  if (!faults.auction_opens && days !== null && days < bounds.notice_days_min.value)
    faults.auction_opens = { key: 'desk.wiz.noticeShort', values: law(bounds.notice_days_min) }
  const [deposit, estimate] = [amount(lot.deposit) ?? 0n, amount(lot.estimate) ?? 0n]
  // In 分, not in rounded hundredths.
  if (!faults.deposit && estimate > 0n && deposit * 100n > estimate * BigInt(bounds.deposit_percent_max.value))
    faults.deposit = { key: 'desk.wiz.depositHigh', values: law(bounds.deposit_percent_max) }
  if (!faults.minBidders && lot.minBidders < bounds.bidders_min.value)
    faults.minBidders = { key: 'desk.wiz.biddersFew', values: law(bounds.bidders_min) }
  return faults
}

/** The notice as it goes to the server; only of a draft without faults. */
export function bodyOf(lot: LotDraft): object {
  const span = (minutes: number) => Math.round(minutes * MINUTE)
  const price = {
    name: lot.method,
    start: amount(lot.start)!.toString(),
    step: amount(lot.step)!.toString(),
    max_steps: lot.maxSteps,
    window: span(lot.window),
  }
  const periods =
    lot.method === 'listing'
      ? { quoting: span(lot.quoting * 1440), confirm: span(lot.confirm) }
      : { free: span(lot.free) }
  const priority = priorityOf(lot)
  return {
    id: lot.id,
    title: lot.title.trim(),
    estimate: amount(lot.estimate)!.toString(),
    documents: lot.documents,
    rules: {
      method: { ...price, ...periods },
      min_bidders: lot.minBidders,
      deposit: (amount(lot.deposit) ?? 0n).toString(),
      timetable: Object.fromEntries(TIMES.map((field) => [field, formatTime(fromLocal(lot[field]))])),
      ...(lot.cap.trim() ? { cap: amount(lot.cap)!.toString() } : {}),
      ...(priority.length ? { priority } : {}),
      ...(lot.reserve.trim() ? { reserve: { commitment: lot.reserve.trim(), disclosure: span(lot.disclosure) } } : {}),
    },
  }
}

/** Where a refusal of the server belongs, by its stable code. */
export const FIELD_OF: Record<string, string> = {
  notice_too_short: 'auction_opens',
  deposit_too_high: 'deposit',
  lot_exists: 'title',
}
