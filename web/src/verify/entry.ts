/** An entry as a server or a file hands it out, read as far as it can be believed by itself. */

import { equal, sha256, toBase64, utf8 } from '@/lib/bytes'
import type { Micros } from '@/lib/time'
import { leafHash, parseLeaf, parsePayload, type Leaf, type Payload } from './leaf'

/** The bytes of leaf and payload, as text. */
export interface RawEntry {
  seq: number
  leaf: string
  /** Null where it is not ours to read, erased, or damaged. */
  payload: string | null
  /** Why there is none. */
  withheld?: string | null
}

/** The server itself can no longer read what it keeps: not hidden, but broken. */
export const isDamaged = (raw: RawEntry): boolean => raw.withheld === 'entry_damaged'

export interface ReadEntry {
  seq: number
  time: Micros
  /** Of the leaf's bytes, computed here; base64. */
  hash: string
  /** What it says: only where the payload hashes to the leaf. */
  payload: Payload | null
  /** Whether the payload hashes to what the leaf says; null where there is none at hand. */
  payloadHolds: boolean | null
  leaf: Leaf
  raw: RawEntry
}

/** Canonical leaf at its own place, payload against its hash. Throws where the leaf itself is not that entry's. */
export async function readEntry(raw: RawEntry, origin: string): Promise<ReadEntry> {
  const bytes = utf8(raw.leaf)
  const leaf = parseLeaf(bytes)
  if (leaf.ledger !== origin || leaf.seq !== raw.seq) throw new Error(`entry ${raw.seq}: the leaf is another entry's`)
  const read = { seq: raw.seq, time: leaf.time, hash: toBase64(await leafHash(bytes)), leaf, raw }
  if (raw.payload === null) return { ...read, payload: null, payloadHolds: isDamaged(raw) ? false : null }
  const body = utf8(raw.payload)
  const payloadHolds = equal(await sha256(body), leaf.payloadHash)
  return { ...read, payload: payloadHolds ? parsePayload(body) : null, payloadHolds }
}
