/** C2SP tlog-checkpoint and tlog-proof: the signed head of the ledger, and the receipt of one entry under it. */

import { equal, fromBase64, type Bytes } from '@/lib/bytes'
import { climb, verifyInclusion, type PathStep } from './tree'
import { ALG_COSIGNATURE, ALG_ED25519, parseNote, verifyNote, type Note, type VerifierKey } from './note'

export interface Checkpoint {
  origin: string
  size: number
  root: Bytes
  note: Note
}

function parseCount(text: string): number {
  if (!/^(0|[1-9]\d*)$/.test(text)) throw new Error('not a decimal count')
  const count = Number(text)
  if (!Number.isSafeInteger(count)) throw new Error('count out of range')
  return count
}

function parseHash(text: string): Bytes {
  const hash = fromBase64(text)
  if (hash.length !== 32) throw new Error('a hash has 32 bytes')
  return hash
}

export function parseCheckpoint(text: string): Checkpoint {
  const note = parseNote(text)
  const [origin, size, root, ...extensions] = note.text.slice(0, -1).split('\n')
  if (!origin || size === undefined || root === undefined) throw new Error('not a checkpoint')
  if (extensions.length > 0) throw new Error('extension lines, which nobody could audit')
  return { origin, size: parseCount(size), root: parseHash(root), note }
}

/** A key of the log, and the entry that announced it; the first one has none. */
export interface SigningKey {
  key: VerifierKey
  announced: number | null
}

export interface CheckpointTrust {
  origin: string
  log: VerifierKey
  /** All keys of the log, where it changed them (`rotation`): each signs at its own sizes only. */
  keys?: readonly SigningKey[]
  witnesses: readonly VerifierKey[]
  /** How many of the witnesses must have cosigned. */
  quorum: number
}

export interface VerifiedCheckpoint extends Checkpoint {
  /** Witnesses whose cosignature holds, with its time in seconds since 1970. */
  cosigned: { name: string; at: number }[]
}

/**
 * The keys that may have signed a checkpoint of this size. The last one that an old key signs covers the entry that replaces
 * it, and the new key may sign that very one too.
 */
export function signersOf(trust: CheckpointTrust, size: number): VerifierKey[] {
  const keys = trust.keys ?? [{ key: trust.log, announced: null }]
  return keys.flatMap(({ key, announced }, place) => {
    const replaced = keys[place + 1]?.announced ?? null
    return (announced === null || announced < size) && (replaced === null || size <= replaced + 1) ? [key] : []
  })
}

/** Throws unless the log's own signature holds, the origin is ours, and enough witnesses have cosigned. */
export async function verifyCheckpoint(text: string, trust: CheckpointTrust): Promise<VerifiedCheckpoint> {
  const checkpoint = parseCheckpoint(text)
  if (checkpoint.origin !== trust.origin) throw new Error(`checkpoint of another ledger: ${checkpoint.origin}`)
  if (trust.log.alg !== ALG_ED25519 || trust.log.name !== trust.origin)
    throw new Error('that is not a log key of this ledger')
  const signers = signersOf(trust, checkpoint.size)
  const verified = await verifyNote(checkpoint.note, [...signers, ...trust.witnesses])
  if (!verified.some((v) => signers.includes(v.key))) throw new Error('the log has not signed')
  const cosigned = verified
    .filter((v) => v.key.alg === ALG_COSIGNATURE && v.cosignedAt !== null)
    .map((v) => ({ name: v.key.name, at: v.cosignedAt! }))
  if (cosigned.length < trust.quorum) throw new Error(`${cosigned.length} of ${trust.quorum} required witnesses`)
  return { ...checkpoint, cosigned }
}

/* ---- tlog-proof: the receipt ------------------------------------------------------------------------------------ */

export interface Receipt {
  index: number
  proof: Bytes[]
  checkpoint: string
}

const PROOF_HEADER = 'c2sp.org/tlog-proof@v1'
/** A tree of 2^63 leaves has paths of 63 hashes. */
const PROOF_HASHES_MAX = 63

export function parseReceipt(text: string): Receipt {
  const end = text.indexOf('\n\n')
  if (end < 0) throw new Error('not a receipt')
  const lines = text.slice(0, end).split('\n')
  if (lines.shift() !== PROOF_HEADER) throw new Error('not a tlog-proof')
  if (lines[0]?.startsWith('extra ')) fromBase64(lines.shift()!.slice('extra '.length))
  const index = /^index (\d+)$/.exec(lines.shift() ?? '')
  if (!index) throw new Error('no index')
  if (lines.length > PROOF_HASHES_MAX) throw new Error('proof too long')
  return { index: parseCount(index[1]!), proof: lines.map(parseHash), checkpoint: text.slice(end + 2) }
}

export interface VerifiedReceipt {
  index: number
  checkpoint: VerifiedCheckpoint
  steps: PathStep[]
}

/** Throws unless the leaf is entry `index` of the signed, cosigned tree. */
export async function verifyReceipt(
  text: string,
  leafHash: Uint8Array,
  trust: CheckpointTrust,
): Promise<VerifiedReceipt> {
  const receipt = parseReceipt(text)
  const checkpoint = await verifyCheckpoint(receipt.checkpoint, trust)
  const climbed = await climb(leafHash, receipt.index, checkpoint.size, receipt.proof)
  if (!climbed || !equal(climbed.root, checkpoint.root)) throw new Error('the leaf is not in the tree at that place')
  return { index: receipt.index, checkpoint, steps: climbed.steps }
}

export { verifyInclusion }
