/**
 * What this browser has checked itself. A link glyph is joined for an entry that is in `checked`, and for nothing else:
 * either its inclusion under a signed checkpoint was computed here, or it hangs on such an entry by its hash.
 */

import { shallowReactive } from 'vue'
import { equal, fromBase64, sha256, toBase64, utf8 } from '@/lib/bytes'
import {
  leafHash,
  parseLeaf,
  parsePayload,
  parseVerifierKey,
  verifyCheckpoint,
  verifyReceipt,
  type CheckpointTrust,
  type Leaf,
  type Payload,
  type VerifiedCheckpoint,
  type VerifiedReceipt,
} from '@/lib/ledger'
import type { Entry } from '@/model/events'
import { api, ApiError, call, text } from './client'

export const LEDGER = 'main'

export interface Ledger extends CheckpointTrust {
  verifierKey: string
}

let known: Promise<Ledger> | null = null

/** Origin and key of the ledger, asked for once a visit; whoever does not trust this server compares the key with the printed one. */
export function ledger(): Promise<Ledger> {
  known ??= read().catch((error: unknown) => {
    known = null
    throw error
  })
  return known
}

async function read(): Promise<Ledger> {
  const { items } = await call(api.GET('/api/v1/ledgers'))
  const item = items.find((l) => l.name === LEDGER) ?? items[0]
  if (!item) throw new ApiError('not_found', 404, null)
  return {
    origin: item.origin,
    log: await parseVerifierKey(item.verifier_key),
    witnesses: [],
    quorum: 0,
    verifierKey: item.verifier_key,
  }
}

/** Entries checked here, with the base64 of their leaf hash. */
export const checked = shallowReactive(new Map<number, string>())
/** Entries for which a check failed here. */
export const broken = shallowReactive(new Set<number>())
const CHECKED_MAX = 20_000

export function markChecked(seq: number, hash: string): void {
  if (checked.size >= CHECKED_MAX) checked.delete(checked.keys().next().value!)
  checked.set(seq, hash)
}

export const linkState = (seq: number): 'ok' | 'wait' | 'bad' =>
  broken.has(seq) ? 'bad' : checked.has(seq) ? 'ok' : 'wait'

/** The newest checkpoint, its signature checked. */
export async function newestCheckpoint(): Promise<VerifiedCheckpoint> {
  return verifyCheckpoint(await text(`/ledger/${LEDGER}/checkpoint`), await ledger())
}

/* ---- entries as the server hands them out ----------------------------------------------------------------------- */

export interface RawEntry {
  seq: number
  leaf: string
  payload: string | null
}

export interface ReadEntry extends Entry {
  raw: RawEntry
  leaf: Leaf
}

/** Canonical leaf, payload that hashes to it: what can be said of one entry alone. Throws otherwise. */
export async function readEntry(raw: RawEntry, origin: string): Promise<ReadEntry> {
  const bytes = utf8(raw.leaf)
  const leaf = parseLeaf(bytes)
  if (leaf.ledger !== origin || leaf.seq !== raw.seq) throw new Error(`entry ${raw.seq}: the leaf is another entry's`)
  let payload: Payload | null = null
  if (raw.payload !== null) {
    const body = utf8(raw.payload)
    if (!equal(await sha256(body), leaf.payloadHash))
      throw new Error(`entry ${raw.seq}: the payload does not hash to the leaf`)
    payload = parsePayload(body)
  }
  return { seq: raw.seq, time: leaf.time, hash: toBase64(await leafHash(bytes)), payload, raw, leaf }
}

interface EntryPage {
  entries: RawEntry[]
  head: number | null
  next: number | null
}

const PAGE = 200
/** Entries of one lot that a page will hold; a lot of the real year has some hundreds. */
const ENTRIES_MAX = 10_000

export async function entriesPage(scope: string, after: number | undefined, limit = PAGE): Promise<EntryPage> {
  const query = { scope, limit, ...(after === undefined ? {} : { after }) }
  return (await call(api.GET('/api/v1/entries', { params: { query } }))) as unknown as EntryPage
}

/** Every entry of the scope that this viewer may read, oldest first. */
export async function entriesOf(scope: string): Promise<ReadEntry[]> {
  const { origin } = await ledger()
  const entries: ReadEntry[] = []
  let after: number | undefined
  while (entries.length < ENTRIES_MAX) {
    const found = await entriesPage(scope, after)
    for (const raw of found.entries) entries.push(await readEntry(raw, origin))
    // `next` is how far the page has looked: it may hold few entries, or none, and still not be the last.
    if (found.next === null || found.head === null || found.next >= found.head) break
    after = found.next
  }
  return entries
}

export async function entryAt(seq: number): Promise<ReadEntry> {
  const found = await entriesPage('ledger', seq === 0 ? undefined : seq - 1, 1)
  const raw = found.entries[0]
  if (!raw || raw.seq !== seq) throw new ApiError('not_found', 404, null)
  return readEntry(raw, (await ledger()).origin)
}

/* ---- proofs ------------------------------------------------------------------------------------------------------ */

export interface Proved extends VerifiedReceipt {
  text: string
}

/** Fetches the entry's receipt and climbs it here, up to the signed root. Throws when anything does not hold. */
export async function prove(entry: { seq: number; hash: string }): Promise<Proved> {
  const receipt = await text(`/ledger/${LEDGER}/proof/${entry.seq}`)
  try {
    const verified = await verifyReceipt(receipt, fromBase64(entry.hash), await ledger())
    if (verified.index !== entry.seq) throw new Error('the receipt is another entry’s')
    markChecked(entry.seq, entry.hash)
    return { ...verified, text: receipt }
  } catch (error) {
    broken.add(entry.seq)
    throw error
  }
}

const AT_ONCE = 4

/** Proves many, newest first, a few at a time; what cannot be fetched now simply stays unproved. */
export async function proveAll(
  entries: readonly { seq: number; hash: string }[],
  onDone?: (done: number) => void,
  stopped = () => false,
): Promise<void> {
  const left = [...entries]
  let done = 0
  const worker = async () => {
    for (let entry = left.pop(); entry && !stopped(); entry = left.pop()) {
      if (!checked.has(entry.seq)) await prove(entry).catch(() => undefined)
      onDone?.(++done)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
