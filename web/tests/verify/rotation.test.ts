/** The log's key changes hands: who believes one key is led to the other, and each signs at its own sizes only. */
import { describe, expect, it } from 'vitest'
import { toBase64, utf8 } from '@/lib/bytes'
import {
  canonicalise,
  leafHash,
  standing,
  verifyCheckpoint,
  verifyReceipt,
  withRotations,
  type Handover,
} from '@/verify'
import { Log, ORIGIN, hashOf, sha } from './log'

const ZERO = toBase64(new Uint8Array(32))
const old = new Log('old')
const next = new Log('next')
const thief = new Log('thief')

const entry = (seq: number, payload: string, prev: string): string =>
  canonicalise({
    ledger: ORIGIN,
    payload: toBase64(sha(utf8(payload))),
    prev,
    seq,
    time: `2026-11-23T04:05:0${seq}.000000Z`,
    v: 1,
  })
const payload = (kind: string, data: Record<string, string>): string =>
  canonicalise({ actor: 'system', data, kind, salt: 'AAAAAAAAAAAAAAAAAAAAAA', subject: 'ledger' })

/** Five entries of which number 2 hands the log over. */
function ledger(signedBy: { old: Log; next: Log } = { old, next }) {
  const message = `mingjian/ledger.key_rotated/v1\n${old.verifierKey}\n${next.verifierKey}\n`
  const rotation = payload('ledger.key_rotated', {
    new_key: next.verifierKey,
    new_signature: signedBy.next.sign(message),
    old_key: old.verifierKey,
    old_signature: signedBy.old.sign(message),
  })
  const payloads = [0, 1, 2, 3, 4].map((seq) => (seq === 2 ? rotation : payload('test.noted', { n: String(seq) })))
  const leaves: string[] = []
  for (const [seq, text] of payloads.entries())
    leaves.push(entry(seq, text, seq === 0 ? ZERO : toBase64(hashOf(leaves[seq - 1]!))))
  const handover: Handover = { leaf: leaves[2]!, payload: rotation, proof: next.receipt(2, leaves).proof }
  return { leaves, handover }
}

describe('across a change of the log’s key', () => {
  const { leaves, handover } = ledger()

  it('notes and receipts of both times hold, whichever key is believed', async () => {
    for (const believed of [old, next]) {
      const trust = await withRotations(await believed.trust(), [handover])
      for (const [log, size] of [
        [old, 1],
        [old, 3],
        [next, 3],
        [next, 5],
      ] as const) {
        const shown = leaves.slice(0, size)
        expect((await verifyCheckpoint(log.checkpoint(shown), trust)).size).toBe(size)
        const kept = log.receipt(0, shown)
        expect((await verifyReceipt(kept.proof, await leafHash(utf8(kept.leaf)), trust)).index).toBe(0)
        const ask = async (older: number) => next.consistency(older, leaves)
        expect(await standing(kept, next.checkpoint(leaves), ask, trust)).toEqual({ state: 'held', size: 5 })
      }
    }
  })

  it('each key signs at its own sizes only', async () => {
    const trust = await withRotations(await next.trust(), [handover])
    for (const [log, size] of [
      [old, 4],
      [old, 5],
      [next, 2],
      [thief, 5],
    ] as const)
      await expect(verifyCheckpoint(log.checkpoint(leaves.slice(0, size)), trust)).rejects.toThrow('not signed')
  })

  it('without the rotation nothing leads from one key to the other', async () => {
    const trust = await withRotations(await old.trust(), [])
    await expect(verifyCheckpoint(next.checkpoint(leaves), trust)).rejects.toThrow('not signed')
  })

  it('a rotation that is not proven, not signed by both, or of other keys leads nowhere', async () => {
    const trust = await old.trust()
    const bad: [string, Handover][] = [
      ['the old key did not sign', ledger({ old: thief, next }).handover],
      ['the new key did not sign', ledger({ old, next: thief }).handover],
      ['another payload', { ...handover, payload: payload('test.noted', { n: '2' }) }],
      ['another leaf', { ...handover, leaf: leaves[1]! }],
      ['another entry’s proof', { ...handover, proof: next.receipt(1, leaves).proof }],
      ['proven by the old key after its time', { ...handover, proof: old.receipt(2, leaves).proof }],
      ['proven by a stranger', { ...handover, proof: thief.receipt(2, leaves).proof }],
    ]
    for (const [what, one] of bad) await expect(withRotations(trust, [one]), what).rejects.toThrow()
    await expect(withRotations(await thief.trust(), [handover])).rejects.toThrow('lead to the key')
    await expect(withRotations(trust, [handover, handover])).rejects.toThrow('replaces another')
    await expect(
      withRotations(
        trust,
        Array.from({ length: 33 }, () => handover),
      ),
    ).rejects.toThrow('more than')
  })
})
