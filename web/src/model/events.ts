/** The engine's events as they stand in payloads: amounts are decimal strings of 分, times RFC 3339, spans microseconds. */

import type { Jwk } from '@/verify'

export type Category = 'A' | 'B' | 'C' | 'D'
export const CATEGORIES: readonly Category[] = ['A', 'B', 'D', 'C']

export interface PriceRules {
  start: string
  step: string
  max_steps: number
  free: number
  window: number
}

export type Method =
  | ({ name: 'ascending' } & PriceRules)
  | ({ name: 'descending' } & PriceRules)
  | {
      name: 'listing'
      start: string
      step: string
      max_steps: number
      quoting: number
      confirm: number
      window: number
    }
  | { name: 'sealed' }

export interface Rung {
  name: string
  unit: string
  start: string
  step: string
  max_steps: number
  limit?: string
  window: number
}

export interface Rules {
  method: Method
  min_bidders: number
  deposit: string
  timetable: { sign_up_opens: string; sign_up_closes: string; deposit_due: string; auction_opens: string }
  reserve?: { commitment: string; disclosure: number }
  cap?: string
  ladder?: Rung[]
}

export interface Standing {
  number: number
  amount: string
  rung: number
}

export type Hold = { by: 'office' | 'outage' } | { by: 'order' | 'objection' | 'complaint'; id: string }
export type Ground = 'rules' | 'opening' | 'result'
export type Failure = 'too_few_bidders' | 'no_bids' | 'reserve_not_met' | 'winner_withdrew'

export interface Facts {
  'project.registered': {
    code: string
    category: Category
    title: string
    owner: string
    owner_name: string
    place: string
  }
  'lot.noticed': {
    project: string
    title: string
    estimate: string
    rules: Rules
    documents?: { name: string; sha256: string; bytes: number }[]
  }
  'lot.sign_up_opened': object
  'lot.sign_up_closed': object
  'lot.number_dealt': { number: number; key: Jwk; priority?: number }
  'lot.number_withdrawn': { number: number }
  'lot.duty_overdue': { duty: 'publicity' | 'contract'; due: string }
  'lot.suspended': { hold: Hold; reason: string }
  'lot.resumed': { hold: Hold; reason: string; running: boolean; credit: number }
  'lot.terminated': { reason: string }
  'lot.failed': { why: Failure; reason?: string }
  'lot.publicity_started': { until: string }
  'lot.awarded': { number: number; price: string; offer?: string }
  'lot.winner_disclosed': { number: number; company: string; credit_code: string }
  'lot.contracted': { sha256: string }
  'lot.archived': object
  'auction.opened': { numbers: number[]; until: string }
  'auction.bid_accepted': { amount: string; statement: string }
  'auction.bid_refused': { amount: string; rule: string; statement: string }
  'auction.extended': { until: string }
  'auction.timed_period_started': { until: string }
  'auction.confirmation_opened': { eligible: number[]; until: string }
  'auction.entry_confirmed': { statement: string }
  'auction.rung_started': { rung: number; until: string }
  'auction.closed': { ranking: Standing[]; reserve_due?: string }
  'auction.reserve_disclosed': { amount: string; nonce: string }
  'auction.reserve_lapsed': object
  'feedback.question_raised': { question: string; entry?: number; text: string; due: string; open: boolean }
  'feedback.answered': { question: string; text: string; late: boolean; open: boolean }
  'feedback.overdue': { question: string; open: boolean }
  'feedback.pause_ordered': { order: string; entry?: number; reason: string; due: string; open: boolean }
  'feedback.pause_lifted': { order: string; reason: string; open: boolean }
  'feedback.note_attached': { entry: number; text: string; open: boolean }
  'objection.received': { objection: string; ground: Ground; text: string; due: string; open: boolean }
  'objection.answered': { objection: string; text: string; upheld: boolean; late: boolean; open: boolean }
  'objection.overdue': { objection: string; open: boolean }
  'complaint.received': { objection: string; text: string; due: string; open: boolean }
  'complaint.admitted': {
    objection: string
    admitted: boolean
    reason: string
    suspend: boolean
    due?: string
    hold_until?: string
    late: boolean
    open: boolean
  }
  'complaint.decided': { objection: string; upheld: boolean; text: string; late: boolean; open: boolean }
  'complaint.overdue': { objection: string; open: boolean }
  'complaint.hold_lapsed': { objection: string; open: boolean }
}

export type Kind = keyof Facts

/** An entry as the screens know it: place, time and, where this viewer may read it, what happened. */
export interface Entry {
  seq: number
  /** Microseconds since 1970, the sequencer's stamp. */
  time: bigint
  /** Base64 of the leaf hash. */
  hash: string
  payload: { kind: string; subject: string; actor: string; data: unknown } | null
}

export type Known = { [K in Kind]: { kind: K; actor: string; subject: string; data: Facts[K] } }[Kind]

export const known = (payload: NonNullable<Entry['payload']>): Known => payload as unknown as Known

export const lotOf = (subject: string): string | null => (subject.startsWith('lot/') ? subject.slice(4) : null)

export function bidderOf(actor: string): number | null {
  const m = /^bidder\/([1-9]\d*)$/.exec(actor)
  return m ? Number(m[1]) : null
}
