/** «Verify this»: the checks of one lot, step by step, each with what was done and what came of it. */

import { equal, fromBase64, toBase64, utf8 } from '@/lib/bytes'
import { leafHash, verifyBid, type Jwk } from '@/verify'
import { bidderOf, known } from './events'
import type { ReadEntry } from '@/verify'

export const STEPS = ['checkpoint', 'leaves', 'payloads', 'inclusion', 'chain', 'statements'] as const
export type StepName = (typeof STEPS)[number]

export interface Step {
  name: StepName
  state: 'wait' | 'running' | 'ok' | 'bad' | 'none'
  done: number
  total: number
  /** Values for the step's sentence in the locale files. */
  values: Record<string, string | number>
  /** The first thing that did not hold. */
  fault: { seq: number | null; detail: string } | null
}

export const blankSteps = (): Step[] =>
  STEPS.map((name) => ({ name, state: 'wait', done: 0, total: 0, values: {}, fault: null }))

/** Where two of the lot's entries are neighbours in the ledger, the later one names the hash of the earlier. */
export async function neighbours(
  entries: readonly ReadEntry[],
): Promise<{ linked: number; apart: number; broken: number | null }> {
  let [linked, apart] = [0, 0]
  for (let i = 1; i < entries.length; i++) {
    const [before, entry] = [entries[i - 1]!, entries[i]!]
    if (entry.seq !== before.seq + 1) {
      apart++
      continue
    }
    if (!equal(entry.leaf.prev, await leafHash(utf8(before.raw.leaf)))) return { linked, apart, broken: entry.seq }
    linked++
  }
  return { linked, apart, broken: null }
}

/** Each recorded bid is signed with the key that its number was dealt under, for this lot and this amount. */
export async function statementsOf(
  entries: readonly ReadEntry[],
  onDone?: (done: number) => void,
): Promise<{ held: number; broken: number | null; detail: string }> {
  const keys = new Map<number, Jwk>()
  let held = 0
  for (const entry of entries) {
    if (!entry.payload) continue
    const event = known(entry.payload)
    if (event.kind === 'lot.number_dealt') keys.set(event.data.number, event.data.key)
    if (event.kind !== 'auction.bid_accepted' && event.kind !== 'auction.bid_refused') continue
    const number = bidderOf(event.actor)
    const key = number === null ? undefined : keys.get(number)
    if (!key) continue
    try {
      const { claims } = await verifyBid(event.data.statement, key)
      if (
        claims.number !== number ||
        `lot/${claims.lot}` !== event.subject ||
        claims.amount.toString() !== event.data.amount
      )
        throw new Error('the statement says something else than the entry')
    } catch (error) {
      return { held, broken: entry.seq, detail: error instanceof Error ? error.message : String(error) }
    }
    onDone?.(++held)
  }
  return { held, broken: null, detail: '' }
}

/** Short form of a hash for a line of text. */
export const shortHash = (hash: string): string => `${hash.slice(0, 8)}⋯${hash.slice(-6)}`
export const rehash = async (leaf: string): Promise<string> => toBase64(await leafHash(utf8(leaf)))
export const sameHash = (a: string, b: string): boolean => equal(fromBase64(a), fromBase64(b))
