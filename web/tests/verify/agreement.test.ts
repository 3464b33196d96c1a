/**
 * The same inputs, good and bad, as `tests/ledger/agreement.rs` asks the server's implementation about: whatever one takes
 * and the other refuses is a fault in one of them.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromBase64, fromUtf8, utf8 } from '@/lib/bytes'
import {
  leafHash,
  parseCanonical,
  parseLeaf,
  parsePayload,
  parseVerifierKey,
  verifyBid,
  verifyCheckpoint,
  verifyConsistency,
  verifyReceipt,
  type CheckpointTrust,
} from '@/verify'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../tests/vectors/${name}.json`, import.meta.url), 'utf8'))
const ledger = read('ledger')
const page = read('agreement') as {
  masks: number[]
  subjects: { kind: string; good: string; flips: string; cuts: string }[]
  texts: [string, string, boolean][]
}
const ORIGIN = 'ledger.mingjiang.example/trade'

const trust: Promise<CheckpointTrust> = (async () => ({
  origin: ORIGIN,
  log: await parseVerifierKey(ledger.keys.log.verifier_key),
  witnesses: [await parseVerifierKey(ledger.keys.witness.verifier_key)],
  quorum: 1,
}))()

const checks: Record<string, (input: Uint8Array) => Promise<unknown>> = {
  jcs: async (input) => parseCanonical(input),
  async leaf(input) {
    if (parseLeaf(input).ledger !== ORIGIN) throw new Error('of another ledger')
  },
  payload: async (input) => parsePayload(input),
  key: async (input) => parseVerifierKey(fromUtf8(input)),
  checkpoint: async (input) => verifyCheckpoint(fromUtf8(input), await trust),
  receipt: async (input) => verifyReceipt(fromUtf8(input), await leafHash(utf8(ledger.entries[3].leaf)), await trust),
  async consistency(input) {
    const lines = fromUtf8(input).split('\n')
    if (lines.at(-1) === '') lines.pop()
    const path = lines.map(fromBase64)
    if (path.some((hash) => hash.length !== 32)) throw new Error('not hashes')
    const root = (size: number) => fromBase64(ledger.roots[size])
    if (!(await verifyConsistency(3, root(3), 5, root(5), path))) throw new Error('leads nowhere')
  },
  statement: async (input) => verifyBid(fromUtf8(input), ledger.keys.lot.jwk),
}
const holds = (kind: string, input: Uint8Array): Promise<boolean> =>
  checks[kind]!(input).then(
    () => true,
    () => false,
  )

describe('the two implementations agree', () => {
  it.each(page.subjects)('on every flipped bit and every cut of a $kind', async ({ kind, good, flips, cuts }) => {
    const bytes = utf8(good)
    expect(await holds(kind, bytes)).toBe(true)
    const found: string[] = []
    for (let at = 0; at < bytes.length; at++) {
      let digit = 0
      for (const [bit, mask] of page.masks.entries()) {
        const changed = Uint8Array.from(bytes)
        changed[at]! ^= mask
        if (await holds(kind, changed)) digit |= 1 << bit
      }
      if (String(digit) !== flips[at]) found.push(`byte ${at} (${good[at]}): here ${digit}, there ${flips[at]}`)
    }
    for (let length = 0; length <= bytes.length; length++) {
      const held = (await holds(kind, bytes.subarray(0, length))) ? '1' : '0'
      if (held !== cuts[length]) found.push(`cut at ${length}: here ${held}, there ${cuts[length]}`)
    }
    expect(found).toEqual([])
  })

  it('on texts that are JSON in the ledger’s form, and on those that only nearly are', async () => {
    const found: string[] = []
    for (const [kind, text, there] of page.texts)
      if ((await holds(kind, utf8(text))) !== there) found.push(`${kind} ${text.slice(0, 80)}: there ${there}`)
    expect(found).toEqual([])
  })
})
