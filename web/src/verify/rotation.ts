/**
 * The log's keys in the order in which they signed (ledger format §3): each new one is announced by an entry that the old
 * and the new key have both signed. Whoever believes one of them is led to the others, and each signs at its own sizes only.
 */

import { equal, fromBase64, sha256, utf8 } from '@/lib/bytes'
import { verifyReceipt, type CheckpointTrust, type SigningKey } from './checkpoint'
import { verifyEd25519 } from './ed25519'
import { asString, withKeys } from './jcs'
import { leafHash, parseLeaf, parsePayload } from './leaf'
import { ALG_ED25519, parseVerifierKey, type VerifierKey } from './note'

/** The entry that changes the key, with the proof that it stands in the ledger. */
export interface Handover {
  leaf: string
  payload: string
  proof: string
}

/** Changes of the log's key that are followed. */
export const HANDOVERS_MAX = 32
const KIND = 'ledger.key_rotated'

interface Rotation {
  seq: number
  old: VerifierKey
  next: VerifierKey
}

const sameKey = (a: VerifierKey, b: VerifierKey): boolean => a.name === b.name && a.alg === b.alg && equal(a.key, b.key)

async function readRotation({ leaf, payload }: Handover, origin: string): Promise<Rotation> {
  const head = parseLeaf(utf8(leaf))
  const bytes = utf8(payload)
  if (head.ledger !== origin || !equal(await sha256(bytes), head.payloadHash))
    throw new Error('the leaf and the payload of a change of key do not belong together')
  const { kind, data } = parsePayload(bytes)
  if (kind !== KIND) throw new Error(`entry ${head.seq} changes no key`)
  const said = withKeys(data, 'new_key', 'new_signature', 'old_key', 'old_signature')
  const [oldText, newText] = [asString(said.old_key), asString(said.new_key)]
  const [old, next] = [await parseVerifierKey(oldText), await parseVerifierKey(newText)]
  if (old.alg !== ALG_ED25519 || next.alg !== ALG_ED25519 || old.name !== next.name || sameKey(old, next))
    throw new Error('expected two keys of one log')
  const message = utf8(`mingjian/ledger.key_rotated/v1\n${oldText}\n${newText}\n`)
  for (const [key, signature] of [
    [old, said.old_signature],
    [next, said.new_signature],
  ] as const)
    if (!(await verifyEd25519(key.key, message, fromBase64(asString(signature)))))
      throw new Error(`entry ${head.seq}: a key has not signed its change`)
  return { seq: head.seq, old, next }
}

/**
 * The same trust with all keys to which the entries lead, each proven under a checkpoint that one of these keys signed.
 * Throws when they do not lead to the key that is believed, or when one does not hold.
 */
export async function withRotations(trust: CheckpointTrust, handovers: readonly Handover[]): Promise<CheckpointTrust> {
  if (handovers.length === 0) return trust
  if (handovers.length > HANDOVERS_MAX) throw new Error(`more than ${HANDOVERS_MAX} changes of the log’s key`)
  const keys: SigningKey[] = []
  for (const handover of handovers) {
    const { seq, old, next } = await readRotation(handover, trust.origin)
    if (keys.length === 0) keys.push({ key: old, announced: null })
    const last = keys.at(-1)!
    if (!sameKey(last.key, old) || (last.announced ?? -1) >= seq) throw new Error(`entry ${seq} replaces another key`)
    keys.push({ key: next, announced: seq })
  }
  if (!keys.some(({ key }) => sameKey(key, trust.log)))
    throw new Error('the changes of the log’s key do not lead to the key that is believed')
  const led = { ...trust, keys }
  for (const { leaf, proof } of handovers) {
    const { index } = await verifyReceipt(proof, await leafHash(utf8(leaf)), led)
    if (index !== parseLeaf(utf8(leaf)).seq) throw new Error('the proof is another entry’s')
  }
  return led
}
