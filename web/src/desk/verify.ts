/**
 * What this browser checks of a lot, one check after the other, each with its count and time. Every check is arithmetic
 * on bytes that the server sent; nothing is taken from its word but the log's key.
 */

import { reactive } from 'vue'
import { isOffline } from '@/api/call'
import { newestCheckpoint, prove, wholeChain, type Proved } from '@/api/trust'
import { ChainError, isDamaged, rootOf, verifyBid, type Jwk, type ReadEntry, type VerifiedCheckpoint } from '@/verify'
import { equal, fromBase64 } from '@/lib/bytes'
import { parseFen } from '@/lib/money'
import { bidderOf, known } from '@/model/events'

export const CHECKS = ['checkpoint', 'payload', 'statements', 'inclusion', 'chain'] as const
export type CheckName = (typeof CHECKS)[number]
export interface Check {
  name: CheckName
  state: 'pending' | 'running' | 'held' | 'broken' | 'partial'
  done: number
  all: number
  ms: number
  /** How many faults were found; a check goes on behind a damaged entry, so that all of them are known. */
  broken: number
  /** The first `FAULTS_LISTED_MAX` of them. */
  faults: Fault[]
}
/** `seq` is null where no single entry is at fault. */
export interface Fault {
  seq: number | null
  detail: string
}
/** Faults of one check that are listed; the others are counted. */
export const FAULTS_LISTED_MAX = 50
/** Requests for receipts in flight. */
const PROOFS_AT_ONCE = 4

export interface Verification {
  running: boolean
  stopped: boolean
  checks: Check[]
  checkpoint: VerifiedCheckpoint | null
  hidden: number
  proven: Map<number, Proved>
}

export const newVerification = (): Verification =>
  reactive({
    running: false,
    stopped: false,
    checks: CHECKS.map((name) => ({ name, state: 'pending', done: 0, all: 0, ms: 0, broken: 0, faults: [] })),
    checkpoint: null,
    hidden: 0,
    proven: new Map(),
  }) as Verification

function note(check: Check, seq: number | null, detail: string): void {
  check.broken++
  if (check.faults.length < FAULTS_LISTED_MAX) check.faults.push({ seq, detail })
}

const detailOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export async function verifyLot(run: Verification, lot: string, entries: readonly ReadEntry[]): Promise<void> {
  run.running = true
  const stopped = () => run.stopped
  const steps: Record<CheckName, (check: Check) => Promise<void>> = {
    async checkpoint(check) {
      check.all = 1
      run.checkpoint = await newestCheckpoint()
      check.done = 1
    },
    async payload(check) {
      const readable = entries.filter((e) => e.payloadHolds !== null)
      run.hidden = entries.length - readable.length
      check.all = readable.length
      for (const e of readable) {
        if (e.payloadHolds) check.done++
        else note(check, e.seq, isDamaged(e.raw) ? 'entry_damaged' : 'SHA-256')
      }
    },
    statements: (check) => statements(check, lot, entries),
    async inclusion(check) {
      check.all = entries.length
      const queue = [...entries]
      await Promise.all(
        Array.from({ length: PROOFS_AT_ONCE }, async () => {
          for (let e = queue.shift(); e && !stopped(); e = queue.shift()) {
            try {
              run.proven.set(e.seq, await prove(e))
              check.done++
            } catch (error) {
              if (isOffline(error)) throw error
              note(check, e.seq, detailOf(error))
            }
          }
        }),
      )
    },
    async chain(check) {
      const checkpoint = run.checkpoint
      // Without one there is nothing to compare the root with; why there is none stands there.
      check.all = checkpoint?.size ?? 1
      if (!checkpoint) return
      const hashes = await wholeChain(
        checkpoint.size,
        (n) => (check.done = n),
        stopped,
        undefined,
        ({ seq, message }) => note(check, seq, message),
      )
      if (hashes.length < checkpoint.size) return
      if (!equal(await rootOf(hashes), checkpoint.root)) note(check, null, 'root')
      // The lot's entries were read in another way; they must be the same leaves.
      for (const e of entries)
        if (e.seq < hashes.length && !equal(hashes[e.seq]!, fromBase64(e.hash))) note(check, e.seq, 'leaf')
    },
  }
  for (const check of run.checks) {
    if (stopped()) break
    check.state = 'running'
    const from = performance.now()
    try {
      await steps[check.name](check)
    } catch (error) {
      if (isOffline(error)) check.faults.push({ seq: null, detail: detailOf(error) })
      else note(check, error instanceof ChainError ? error.seq : null, detailOf(error))
    }
    check.state = check.broken > 0 ? 'broken' : check.done < check.all ? 'partial' : 'held'
    check.ms = performance.now() - from
  }
  run.running = false
}

async function statements(check: Check, lot: string, entries: readonly ReadEntry[]): Promise<void> {
  const keys = new Map<number, Jwk>()
  const events = entries.flatMap((e) => (e.payload ? [{ seq: e.seq, event: known(e.payload) }] : []))
  for (const { event } of events) if (event.kind === 'lot.number_dealt') keys.set(event.data.number, event.data.key)
  const bids = events.filter(
    ({ event }) => event.kind === 'auction.bid_accepted' || event.kind === 'auction.bid_refused',
  )
  check.all = bids.length
  for (const { seq, event } of bids) {
    if (event.kind !== 'auction.bid_accepted' && event.kind !== 'auction.bid_refused') continue
    const number = bidderOf(event.actor)
    const fault = await faultOf(event.data, lot, number, number === null ? undefined : keys.get(number))
    if (fault === null) check.done++
    else note(check, seq, fault)
  }
}

/** What is wrong with the statement in this bid; null where nothing is. */
async function faultOf(
  bid: { statement: string; amount: string },
  lot: string,
  number: number | null,
  key: Jwk | undefined,
): Promise<string | null> {
  if (number === null || !key) return 'no key for this number'
  try {
    const { claims } = await verifyBid(bid.statement, key)
    const same = claims.lot === lot && claims.number === number && claims.amount === parseFen(bid.amount)
    return same ? null : 'the statement says something else'
  } catch (error) {
    return detailOf(error)
  }
}
