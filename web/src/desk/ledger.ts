/**
 * The ledger as the desks read it: entries with their leaf bytes, checkpoints whose signature this browser checked,
 * receipts. Must never know: which screen asks.
 */

import { get, text } from '@/api/call'
import { equal, sha256, toBase64, utf8, type Bytes } from '@/lib/bytes'
import {
  leafHash,
  link,
  parseLeaf,
  parsePayload,
  parseVerifierKey,
  verifyCheckpoint,
  verifyConsistency,
  verifyReceipt,
  type ChainPoint,
  type CheckpointTrust,
  type PathStep,
  type VerifiedCheckpoint,
} from '@/lib/ledger'
import { fromBase64 } from '@/lib/bytes'
import type { EntryFrame } from '@/lib/live'
import type { Entry } from '@/model/events'

export const PAGE_ROWS = 200

export interface LedgerInfo {
  name: string
  origin: string
  verifier_key: string
  size: number
}

/** Trust on first use: the key that this server names, kept for the visit; a key that changes later is refused. */
let trusted: Promise<CheckpointTrust> | null = null
export function trust(): Promise<CheckpointTrust> {
  trusted ??= get<{ items: LedgerInfo[] }>('/ledgers').then(async ({ items }) => {
    const main = items.find((l) => l.name === 'main')
    if (!main) throw new Error('this server has no main ledger')
    return { origin: main.origin, log: await parseVerifierKey(main.verifier_key), witnesses: [], quorum: 0 }
  })
  trusted.catch(() => (trusted = null))
  return trusted
}

export interface EntriesPage {
  entries: EntryFrame[]
  next: number | null
  head: number | null
}
export const page = (scope: string, after: number | null, limit = PAGE_ROWS): Promise<EntriesPage> =>
  get(
    `/entries?scope=${encodeURIComponent(scope)}&limit=${limit}${after === null || after < 0 ? '' : `&after=${after}`}`,
  )

/** All entries of a scope, in order. */
export async function entriesOf(scope: string, onPage: (count: number) => void = () => {}): Promise<EntryFrame[]> {
  const all: EntryFrame[] = []
  let after: number | null = null
  for (;;) {
    const part: EntriesPage = await page(scope, after)
    all.push(...part.entries)
    onPage(all.length)
    // `next` is how far the page has looked: it may hold few entries, or none, and still not be the last.
    if (part.next === null || part.head === null || part.next >= part.head) return all
    after = part.next
  }
}

export interface Read extends Entry {
  frame: EntryFrame
  /** Of the leaf bytes, computed here. */
  leafHash: Bytes
  /** Whether the payload hashes to what the leaf says; null where it is not ours to read. */
  payloadHolds: boolean | null
}

/** Hashes an entry here; what it says is only believed where the payload hashes to the leaf. */
export async function read(frame: EntryFrame): Promise<Read> {
  const bytes = utf8(frame.leaf)
  const leaf = parseLeaf(bytes)
  const hash = await leafHash(bytes)
  let payloadHolds: boolean | null = null
  let payload: Entry['payload'] = null
  if (frame.payload !== null) {
    const raw = utf8(frame.payload)
    payloadHolds = equal(await sha256(raw), leaf.payloadHash)
    if (payloadHolds) payload = parsePayload(raw)
  }
  return { seq: frame.seq, time: leaf.time, hash: toBase64(hash), payload, frame, leafHash: hash, payloadHolds }
}

export interface Proven {
  checkpoint: VerifiedCheckpoint
  steps: PathStep[]
}
/** Throws unless the entry is in the signed tree. */
export async function prove(entry: Read): Promise<Proven> {
  const receipt = await text(`/ledger/main/proof/${entry.seq}`)
  const verified = await verifyReceipt(receipt, entry.leafHash, await trust())
  if (verified.index !== entry.seq) throw new Error('the receipt is for another entry')
  return verified
}

export const newestCheckpoint = async (): Promise<VerifiedCheckpoint> =>
  verifyCheckpoint(await text('/ledger/main/checkpoint'), await trust())

/** Whether `older` is the beginning of `newer`, by the server's proof and this browser's arithmetic. */
export async function isPrefix(older: VerifiedCheckpoint, newer: VerifiedCheckpoint): Promise<boolean> {
  if (older.size === newer.size) return equal(older.root, newer.root)
  const lines = (await text(`/ledger/main/proof/consistency?old=${older.size}&new=${newer.size}`))
    .split('\n')
    .filter(Boolean)
  return verifyConsistency(older.size, older.root, newer.size, newer.root, lines.map(fromBase64))
}

/** Reads the whole ledger and checks that every leaf follows the one before. Returns the leaf hashes, for the root. */
export async function wholeChain(
  size: number,
  onProgress: (count: number) => void,
  stopped: () => boolean,
): Promise<Bytes[]> {
  const { origin } = await trust()
  const hashes: Bytes[] = []
  let before: ChainPoint | null = null
  while (hashes.length < size && !stopped()) {
    const { entries } = await page('ledger', hashes.length - 1)
    if (entries.length === 0) break
    for (const frame of entries) {
      if (hashes.length >= size) break
      const linked = await link(origin, before, utf8(frame.leaf), frame.payload === null ? null : utf8(frame.payload))
      before = { seq: linked.seq, hash: linked.hash, time: linked.time }
      hashes.push(linked.hash)
    }
    onProgress(hashes.length)
  }
  return hashes
}
