/**
 * What this browser checks of a lot, one check after the other, each with its count and time. Every check is arithmetic
 * on bytes that the server sent; nothing is taken from its word but the log's key.
 */

import { reactive } from 'vue'
import { isOffline } from '@/api/call'
import { newestCheckpoint, prove, wholeChain, type Proved } from '@/api/trust'
import { ChainError, rootOf, verifyBid, type Jwk, type ReadEntry, type VerifiedCheckpoint } from '@/verify'
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
  /** `seq` is null where no single entry is at fault. */
  fault: { seq: number | null; detail: string } | null
}
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
    checks: CHECKS.map((name) => ({ name, state: 'pending', done: 0, all: 0, ms: 0, fault: null })),
    checkpoint: null,
    hidden: 0,
    proven: new Map(),
  }) as Verification

class Fault extends Error {
  constructor(
    readonly seq: number | null,
    message: string,
  ) {
    super(message)
  }
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
        if (!e.payloadHolds) throw new Fault(e.seq, e.raw.payload === null ? 'entry_damaged' : 'SHA-256')
        check.done++
      }
    },
    statements: (check) => statements(check, lot, entries),
    async inclusion(check) {
      check.all = entries.length
      const queue = [...entries]
      await Promise.all(
        Array.from({ length: PROOFS_AT_ONCE }, async () => {
          for (let e = queue.shift(); e && !stopped(); e = queue.shift()) {
            run.proven.set(
              e.seq,
              await prove(e).catch((error: unknown) => {
                throw isOffline(error) ? error : new Fault(e!.seq, detailOf(error))
              }),
            )
            check.done++
          }
        }),
      )
    },
    async chain(check) {
      const checkpoint = run.checkpoint
      if (!checkpoint) throw new Fault(null, 'checkpoint')
      check.all = checkpoint.size
      const hashes = await wholeChain(checkpoint.size, (n) => (check.done = n), stopped)
      if (hashes.length < checkpoint.size) return
      if (!equal(await rootOf(hashes), checkpoint.root)) throw new Fault(null, 'root')
      // The lot's entries were read in another way; they must be the same leaves.
      for (const e of entries)
        if (e.seq < hashes.length && !equal(hashes[e.seq]!, fromBase64(e.hash))) throw new Fault(e.seq, 'leaf')
    },
  }
  for (const check of run.checks) {
    if (stopped()) break
    check.state = 'running'
    const from = performance.now()
    try {
      await steps[check.name](check)
      check.state = check.done < check.all ? 'partial' : 'held'
    } catch (error) {
      check.state = isOffline(error) ? 'partial' : 'broken'
      check.fault = {
        seq: error instanceof Fault || error instanceof ChainError ? error.seq : null,
        detail: detailOf(error),
      }
    }
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
    const key = number === null ? undefined : keys.get(number)
    if (number === null || !key) throw new Fault(seq, 'no key for this number')
    const { claims } = await verifyBid(event.data.statement, key).catch((error: unknown) => {
      throw new Fault(seq, detailOf(error))
    })
    if (claims.lot !== lot || claims.number !== number || claims.amount !== parseFen(event.data.amount))
      throw new Fault(seq, 'the statement says something else')
    check.done++
  }
}
