/**
 * A lot as its public events tell it: a pure reducer, the same for the live screen (as entries arrive) and for the
 * review desk (as far as the cursor stands). It follows what the events say and decides nothing itself.
 */

import { parseFen, type Fen } from '@/lib/money'
import { parseTime, type Micros } from '@/lib/time'
import {
  bidderOf,
  known,
  lotOf,
  type Category,
  type Entry,
  type Failure,
  type Hold,
  type Rules,
  type Standing,
} from './events'

export type Phase =
  | 'draft'
  | 'noticed'
  | 'sign_up'
  | 'waiting'
  | 'running'
  | 'disclosing'
  | 'ranked'
  | 'publicity'
  | 'awarded'
  | 'contracted'
  | 'archived'
  | 'failed'
  | 'terminated'

export type Stage = 'free' | 'confirming' | 'timed'

/** Rows kept on a screen; the ledger has the rest. */
export const BID_ROWS_MAX = 500

export interface BidRow {
  seq: number
  time: Micros
  number: number
  amount: Fen
  /** The rule that it broke; null when accepted. */
  rule: string | null
  /** Steps above (below) the leading bid before it; null for the first. */
  steps: bigint | null
  /** The deadline that it moved, once the extension's entry is here. */
  until: Micros | null
  rung: number
}

export interface Quote {
  number: number
  amount: Fen
  at: Micros
  seq: number
}

export interface LotState {
  id: string
  title: string
  code: string
  category: Category
  place: string
  estimate: Fen
  rules: Rules | null
  phase: Phase
  stage: Stage
  rung: number
  /** Where the running period ends, by the last event that moved it. */
  until: Micros | null
  /** When the period began: the ring shows the share that is left. */
  since: Micros | null
  leader: Quote | null
  best: Map<number, Quote>
  /** Newest first, at most `rowsMax`. */
  bids: BidRow[]
  rowsMax: number
  accepted: number
  refused: number
  extensions: number
  numbers: number[]
  /** 挂牌: numbers that may confirm, and those that did. */
  eligible: number[]
  confirmed: number[]
  /** Rank of a right of priority by number, 1 first. */
  priority: Map<number, number>
  holds: string[]
  stoppedAt: Micros | null
  /** What was left when the clock was stopped, microseconds. */
  leftAtStop: bigint | null
  pauses: {
    from: Micros
    to: Micros | null
    reason: string
    by: Hold['by']
    seq: number
    resumedSeq: number | null
  }[]
  ranking: Standing[]
  reserve: Fen | null
  failure: Failure | null
  award: { number: number; price: Fen } | null
  winner: string | null
  publicityUntil: Micros | null
  milestones: Partial<Record<Phase, { seq: number; time: Micros }>>
  lastSeq: number
}

export function emptyLot(id: string, rowsMax = BID_ROWS_MAX): LotState {
  return {
    id,
    title: '',
    code: '',
    category: 'B',
    place: '',
    estimate: 0n,
    rules: null,
    phase: 'draft',
    stage: 'free',
    rung: 0,
    until: null,
    since: null,
    leader: null,
    best: new Map(),
    bids: [],
    rowsMax,
    accepted: 0,
    refused: 0,
    extensions: 0,
    numbers: [],
    eligible: [],
    confirmed: [],
    priority: new Map(),
    holds: [],
    stoppedAt: null,
    leftAtStop: null,
    pauses: [],
    ranking: [],
    reserve: null,
    failure: null,
    award: null,
    winner: null,
    publicityUntil: null,
    milestones: {},
    lastSeq: -1,
  }
}

export const isDescending = (lot: LotState): boolean => lot.rung === 0 && lot.rules?.method.name === 'descending'

/** Start, step and window of the rung on which the auction stands. */
export function stepsNow(lot: LotState): { start: Fen; step: Fen; maxSteps: number; windowMicros: bigint } | null {
  const rung = lot.rung > 0 ? lot.rules?.ladder?.[lot.rung - 1] : undefined
  const method = lot.rules?.method
  const from = rung ?? (method && method.name !== 'sealed' ? method : undefined)
  if (!from) return null
  return {
    start: parseFen(from.start),
    step: parseFen(from.step),
    maxSteps: from.max_steps,
    windowMicros: BigInt(from.window),
  }
}

function enter(lot: LotState, phase: Phase, entry: Entry): void {
  lot.phase = phase
  lot.milestones[phase] = { seq: entry.seq, time: entry.time }
}

function runUntil(lot: LotState, from: Micros, until: string): void {
  lot.since = from
  lot.until = parseTime(until)
}

function bid(lot: LotState, entry: Entry, actor: string, amount: string, rule: string | null): void {
  const number = bidderOf(actor)
  if (number === null) return
  const fen = parseFen(amount)
  const step = stepsNow(lot)?.step
  const gain = lot.leader ? (isDescending(lot) ? lot.leader.amount - fen : fen - lot.leader.amount) : null
  lot.bids.unshift({
    seq: entry.seq,
    time: entry.time,
    number,
    amount: fen,
    rule,
    until: null,
    rung: lot.rung,
    steps: gain !== null && step && gain % step === 0n ? gain / step : null,
  })
  if (lot.bids.length > lot.rowsMax) lot.bids.length = lot.rowsMax
  if (rule !== null) {
    lot.refused++
    return
  }
  lot.accepted++
  const quote = { number, amount: fen, at: entry.time, seq: entry.seq }
  lot.leader = quote
  lot.best.set(number, quote)
}

/** Takes the entry if it is this lot's and newer than what was taken; says whether anything changed. */
export function applyToLot(lot: LotState, entry: Entry): boolean {
  if (entry.seq <= lot.lastSeq || !entry.payload || lotOf(entry.payload.subject) !== lot.id) return false
  lot.lastSeq = entry.seq
  const event = known(entry.payload)
  switch (event.kind) {
    case 'lot.noticed':
      lot.title = event.data.title
      lot.estimate = parseFen(event.data.estimate)
      lot.rules = event.data.rules
      enter(lot, 'noticed', entry)
      break
    case 'lot.sign_up_opened':
      enter(lot, 'sign_up', entry)
      break
    case 'lot.sign_up_closed':
      enter(lot, 'waiting', entry)
      break
    case 'lot.number_dealt':
      if (!lot.numbers.includes(event.data.number)) lot.numbers.push(event.data.number)
      if (event.data.priority !== undefined) lot.priority.set(event.data.number, event.data.priority)
      break
    case 'auction.opened':
      enter(lot, 'running', entry)
      lot.stage = 'free'
      lot.numbers = [...event.data.numbers]
      runUntil(lot, entry.time, event.data.until)
      break
    case 'auction.bid_accepted':
      bid(lot, entry, event.actor, event.data.amount, null)
      break
    case 'auction.bid_refused':
      bid(lot, entry, event.actor, event.data.amount, event.data.rule)
      break
    case 'auction.extended': {
      const place = lot.bids.findIndex((row) => row.rule === null)
      const moved = lot.bids[place]
      runUntil(lot, moved?.time ?? entry.time, event.data.until)
      // A new row: the old one may be part of a copy (`replay`).
      if (moved) lot.bids[place] = { ...moved, until: lot.until }
      lot.extensions++
      break
    }
    case 'auction.timed_period_started':
      lot.stage = 'timed'
      runUntil(lot, entry.time, event.data.until)
      break
    case 'auction.confirmation_opened':
      lot.stage = 'confirming'
      lot.eligible = [...event.data.eligible]
      runUntil(lot, entry.time, event.data.until)
      break
    case 'auction.entry_confirmed': {
      const number = bidderOf(event.actor)
      if (number !== null && !lot.confirmed.includes(number)) lot.confirmed.push(number)
      break
    }
    case 'auction.rung_started':
      lot.rung = event.data.rung
      lot.stage = 'timed'
      lot.leader = null
      lot.best = new Map()
      runUntil(lot, entry.time, event.data.until)
      break
    case 'auction.closed':
      lot.ranking = event.data.ranking
      lot.until = event.data.reserve_due ? parseTime(event.data.reserve_due) : null
      enter(lot, event.data.reserve_due ? 'disclosing' : 'ranked', entry)
      break
    case 'auction.reserve_disclosed':
      lot.reserve = parseFen(event.data.amount)
      lot.until = null
      enter(lot, 'ranked', entry)
      break
    case 'auction.reserve_lapsed':
      lot.until = null
      enter(lot, 'ranked', entry)
      break
    case 'lot.suspended': {
      const by = event.data.hold.by
      lot.holds.push('id' in event.data.hold ? `${event.data.hold.by}/${event.data.hold.id}` : by)
      if (lot.stoppedAt === null) {
        lot.stoppedAt = entry.time
        lot.leftAtStop = lot.until === null ? null : lot.until - entry.time
      }
      lot.pauses.push({
        from: entry.time,
        to: null,
        reason: event.data.reason,
        by,
        seq: entry.seq,
        resumedSeq: null,
      })
      break
    }
    case 'lot.resumed': {
      const hold = 'id' in event.data.hold ? `${event.data.hold.by}/${event.data.hold.id}` : event.data.hold.by
      lot.holds = lot.holds.filter((h) => h !== hold)
      lot.pauses = lot.pauses.map((pause) =>
        pause.to === null && pause.by === event.data.hold.by
          ? { ...pause, to: entry.time, resumedSeq: entry.seq }
          : pause,
      )
      if (event.data.running) {
        const credit = BigInt(event.data.credit)
        if (lot.until !== null) lot.until += credit
        if (lot.since !== null) lot.since += credit
        lot.stoppedAt = null
        lot.leftAtStop = null
        lot.holds = []
      }
      break
    }
    case 'lot.failed':
      lot.failure = event.data.why
      lot.until = null
      enter(lot, 'failed', entry)
      break
    case 'lot.terminated':
      lot.until = null
      enter(lot, 'terminated', entry)
      break
    case 'lot.publicity_started':
      lot.publicityUntil = parseTime(event.data.until)
      enter(lot, 'publicity', entry)
      break
    case 'lot.awarded':
      lot.award = { number: event.data.number, price: parseFen(event.data.price) }
      enter(lot, 'awarded', entry)
      break
    case 'lot.winner_disclosed':
      lot.winner = event.data.company
      break
    case 'lot.contracted':
      enter(lot, 'contracted', entry)
      break
    case 'lot.archived':
      enter(lot, 'archived', entry)
      break
    default:
      return false
  }
  return true
}

/** What is left of the running period, in ms; frozen while the clock stands still, null where none runs. */
export function remainingMs(lot: LotState, nowMs: number): number | null {
  if (lot.stoppedAt !== null) return lot.leftAtStop === null ? null : Number(lot.leftAtStop) / 1000
  return lot.until === null ? null : Number(lot.until) / 1000 - nowMs
}

/** The length of the running period in ms, for the ring. */
export function periodMs(lot: LotState): number | null {
  return lot.until === null || lot.since === null ? null : Number(lot.until - lot.since) / 1000
}

/** Accepted bids in order of time, as a curve. */
export function priceCurve(lot: LotState): { time: Micros; amount: Fen; number: number; seq: number }[] {
  return lot.bids.filter((row) => row.rule === null && row.rung === lot.rung).reverse()
}

/* ---- bidding --------------------------------------------------------------------------------------------------- */

export interface BidRange {
  min: Fen
  max: Fen
  step: Fen
  /** The prices of one, two … steps. */
  at(steps: number): Fen
  maxSteps: number
  descending: boolean
}

function capNow(lot: LotState): Fen | null {
  const cap = lot.rung === 0 ? lot.rules?.cap : lot.rules?.ladder?.[lot.rung - 1]?.limit
  return cap === undefined ? null : parseFen(cap)
}

/** What may be bid now by the lot's rules. The server decides; this spares a person the refusal. */
export function bidRange(lot: LotState): BidRange | null {
  const steps = stepsNow(lot)
  if (!steps) return null
  const descending = isDescending(lot)
  const sign = descending ? -1n : 1n
  // The first bid may be the start price itself; every later one is at least a step better.
  const first = lot.leader ? lot.leader.amount + sign * steps.step : steps.start
  const at = (n: number) => first + sign * steps.step * BigInt(n - 1)
  const clamp = (amount: Fen, cap: Fen | null) =>
    cap === null ? amount : descending ? (amount < cap ? cap : amount) : amount > cap ? cap : amount
  const near = clamp(first, capNow(lot))
  const far = clamp((lot.leader?.amount ?? steps.start) + sign * steps.step * BigInt(steps.maxSteps), capNow(lot))
  return {
    min: descending ? far : near,
    max: descending ? near : far,
    step: steps.step,
    at,
    maxSteps: steps.maxSteps,
    descending,
  }
}

export type BidProblem =
  | 'not_open'
  | 'closed'
  | 'suspended'
  | 'already_leading'
  | 'below_start'
  | 'above_ceiling'
  | 'above_cap'
  | 'not_better'
  | 'step_not_met'
  | 'off_step'
  | 'step_too_large'

/** The rule that this amount would break, in the engine's order of precedence; null when it may be bid. */
export function bidProblem(lot: LotState, number: number, amount: Fen): BidProblem | null {
  if (['draft', 'noticed', 'sign_up', 'waiting'].includes(lot.phase)) return 'not_open'
  if (lot.phase !== 'running') return 'closed'
  if (lot.stoppedAt !== null) return 'suspended'
  const steps = stepsNow(lot)
  if (!steps || lot.stage === 'confirming') return 'not_open'
  const descending = isDescending(lot)
  const gainOver = (than: Fen) => (descending ? than - amount : amount - than)
  const cap = capNow(lot)
  if (cap !== null && gainOver(cap) > 0n) return 'above_cap'
  if (lot.leader?.number === number) return 'already_leading'
  const gain = gainOver(lot.leader?.amount ?? steps.start)
  if (lot.leader) {
    const rank = (n: number) => lot.priority.get(n) ?? Number.MAX_SAFE_INTEGER
    if (gain === 0n && rank(number) < rank(lot.leader.number)) return null
    if (gain <= 0n) return 'not_better'
    if (gain < steps.step && cap !== amount) return 'step_not_met'
  } else if (gain < 0n) {
    return descending ? 'above_ceiling' : 'below_start'
  }
  if (gain > steps.step * BigInt(steps.maxSteps)) return 'step_too_large'
  return gain % steps.step === 0n || cap === amount ? null : 'off_step'
}

/** Rank of a number by its best bid: 1 leads; null without a bid. */
export function rankOf(lot: LotState, number: number): number | null {
  const mine = lot.best.get(number)
  if (!mine) return null
  const better = (a: Fen, b: Fen) => (isDescending(lot) ? a < b : a > b)
  return 1 + [...lot.best.values()].filter((q) => better(q.amount, mine.amount)).length
}
