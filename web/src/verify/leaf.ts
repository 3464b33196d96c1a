/** Payload and leaf (ledger format §2, §3), and the chain that the leaves form. */

import { concat, equal, fromBase64, fromBase64Url, sha256, type Bytes } from '@/lib/bytes'
import { parseTime, type Micros } from '@/lib/time'
import { asCount, asObject, asString, parseCanonical, withKeys, type JsonObject } from './jcs'

export const PAYLOAD_BYTES_MAX = 60_000
export const LEAF_BYTES_MAX = 1_024

export interface Leaf {
  ledger: string
  payloadHash: Bytes
  prev: Bytes
  seq: number
  time: Micros
}

export interface Payload {
  kind: string
  subject: string
  actor: string
  data: JsonObject
}

export const ZERO_HASH: Bytes = new Uint8Array(32)

function hash32(text: string): Bytes {
  const bytes = fromBase64(text)
  if (bytes.length !== 32) throw new Error('a hash has 32 bytes')
  return bytes
}

/** Throws unless the bytes are canonical and hold exactly the leaf's keys. */
export function parseLeaf(bytes: Uint8Array): Leaf {
  if (bytes.length > LEAF_BYTES_MAX) throw new Error('leaf too long')
  const leaf = withKeys(parseCanonical(bytes), 'ledger', 'payload', 'prev', 'seq', 'time', 'v')
  if (leaf.v !== 1) throw new Error('unknown leaf version')
  return {
    ledger: asString(leaf.ledger),
    payloadHash: hash32(asString(leaf.payload)),
    prev: hash32(asString(leaf.prev)),
    seq: asCount(leaf.seq),
    time: parseTime(asString(leaf.time)),
  }
}

export function parsePayload(bytes: Uint8Array): Payload {
  if (bytes.length > PAYLOAD_BYTES_MAX) throw new Error('payload too long')
  const payload = withKeys(parseCanonical(bytes), 'actor', 'data', 'kind', 'salt', 'subject')
  if (fromBase64Url(asString(payload.salt)).length !== 16) throw new Error('the salt has 16 bytes')
  return {
    kind: asString(payload.kind),
    subject: asString(payload.subject),
    actor: asString(payload.actor),
    data: asObject(payload.data!),
  }
}

/** RFC 6962 §2.1: SHA-256(0x00 ‖ leaf). The chain and the tree use the same hash and cannot disagree. */
export const leafHash = (leaf: Uint8Array): Promise<Bytes> => sha256(concat(Uint8Array.of(0), leaf))

export type ChainFault = 'leaf' | 'ledger' | 'seq' | 'prev' | 'time' | 'payload'

export class ChainError extends Error {
  constructor(
    readonly seq: number,
    readonly fault: ChainFault,
    detail: string,
  ) {
    super(`entry ${seq}: ${fault}: ${detail}`)
  }
}

export interface ChainPoint {
  seq: number
  hash: Bytes
  time: Micros
}

export interface Linked extends ChainPoint {
  leaf: Leaf
  payload: Payload | null
}

/**
 * One step of the chain: this leaf follows `before` (null at the ledger's beginning), and the payload, if at hand,
 * hashes to what the leaf says. Throws `ChainError` naming the entry and the check.
 */
export async function link(
  origin: string,
  before: ChainPoint | null,
  leafBytes: Uint8Array,
  payloadBytes: Uint8Array | null,
): Promise<Linked> {
  const expected = before ? before.seq + 1 : 0
  let leaf: Leaf
  try {
    leaf = parseLeaf(leafBytes)
  } catch (cause) {
    throw new ChainError(expected, 'leaf', cause instanceof Error ? cause.message : String(cause))
  }
  const fail = (fault: ChainFault, detail: string) => new ChainError(leaf.seq, fault, detail)
  if (leaf.ledger !== origin) throw fail('ledger', `belongs to ${leaf.ledger}`)
  if (leaf.seq !== expected) throw fail('seq', `expected ${expected}`)
  if (!equal(leaf.prev, before ? before.hash : ZERO_HASH)) throw fail('prev', 'does not name the entry before')
  if (before && leaf.time < before.time) throw fail('time', 'runs backwards')
  let payload: Payload | null = null
  if (payloadBytes) {
    if (!equal(await sha256(payloadBytes), leaf.payloadHash)) throw fail('payload', 'does not hash to the leaf')
    try {
      payload = parsePayload(payloadBytes)
    } catch (cause) {
      throw fail('payload', cause instanceof Error ? cause.message : String(cause))
    }
  }
  return { seq: leaf.seq, time: leaf.time, hash: await leafHash(leafBytes), leaf, payload }
}
