/**
 * What this browser has checked itself. A link glyph is joined for an entry that is in `checked`, and for nothing else:
 * either its inclusion under a signed checkpoint was computed here, or it hangs on such an entry by its hash.
 */

import { shallowReactive } from 'vue'
import { equal, fromBase64, utf8, type Bytes } from '@/lib/bytes'
import {
  ChainError,
  isDamaged,
  link,
  parseVerifierKey,
  readEntry,
  verifyCheckpoint,
  verifyConsistency,
  verifyReceipt,
  withRotations,
  type ChainPoint,
  type CheckpointTrust,
  type Handover,
  type Linked,
  type RawEntry,
  type ReadEntry,
  type VerifiedCheckpoint,
  type VerifiedReceipt,
} from '@/verify'
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
  const log = await parseVerifierKey(item.verifier_key)
  const own = { origin: item.origin, log, witnesses: [], quorum: 0 }
  return { ...(await withRotations(own, await rotations())), verifierKey: item.verifier_key }
}

/** By which entries the log changed its key: receipts of a key that is gone hold by them. */
export async function rotations(): Promise<Handover[]> {
  try {
    return (JSON.parse(await text(`/ledger/${LEDGER}/rotations`)) as { items: Handover[] }).items
  } catch (error) {
    // A log of other people has no such list.
    if (error instanceof ApiError && error.status === 404) return []
    throw error
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

interface EntryPage {
  entries: RawEntry[]
  head: number | null
  next: number | null
}

const PAGE = 200
/** Entries of one lot that a page will hold; a lot of the real year has some hundreds. */
const ENTRIES_MAX = 10_000

/** Entries of a scope behind `after`, as they come. */
export async function entriesPage(scope: string, after: number | undefined, limit = PAGE): Promise<EntryPage> {
  const query = { scope, limit, ...(after === undefined || after < 0 ? {} : { after }) }
  return (await call(api.GET('/api/v1/entries', { params: { query } }))) as unknown as EntryPage
}

/** Every entry of the scope that this viewer may read, oldest first. */
export async function entriesOf(scope: string, onPage?: (count: number) => void): Promise<ReadEntry[]> {
  const { origin } = await ledger()
  const entries: ReadEntry[] = []
  let after: number | undefined
  while (entries.length < ENTRIES_MAX) {
    const found = await entriesPage(scope, after)
    entries.push(...(await Promise.all(found.entries.map((raw) => readEntry(raw, origin)))))
    onPage?.(entries.length)
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

/**
 * Reads the whole ledger and checks that every leaf follows the one before. `onLinked` hears each entry; the leaf hashes are
 * for the root. A payload that is not its leaf's leaves the chain of leaves whole: with `onDamaged` it is told and passed over.
 */
export async function wholeChain(
  size: number,
  onProgress: (count: number) => void,
  stopped: () => boolean,
  onLinked: (raw: RawEntry) => void = () => {},
  onDamaged?: (fault: ChainError) => void,
): Promise<Bytes[]> {
  const { origin } = await ledger()
  const hashes: Bytes[] = []
  let before: ChainPoint | null = null
  while (hashes.length < size && !stopped()) {
    const { entries } = await entriesPage('ledger', hashes.length - 1)
    if (entries.length === 0) break
    for (const raw of entries) {
      if (hashes.length >= size) break
      const payload = raw.payload === null ? null : utf8(raw.payload)
      const linked: Linked = await (
        isDamaged(raw)
          ? Promise.reject(new ChainError(raw.seq, 'payload', 'entry_damaged'))
          : link(origin, before, utf8(raw.leaf), payload)
      ).catch((error: unknown) => {
        if (!onDamaged || !(error instanceof ChainError) || error.fault !== 'payload') throw error
        onDamaged(error)
        return link(origin, before, utf8(raw.leaf), null)
      })
      before = { seq: linked.seq, hash: linked.hash, time: linked.time }
      hashes.push(linked.hash)
      onLinked(raw)
    }
    onProgress(hashes.length)
  }
  return hashes
}

/* ---- proofs ------------------------------------------------------------------------------------------------------ */

export interface Proved extends VerifiedReceipt {
  text: string
}

/** Whether `older` is the beginning of `newer`, by the server's proof and this browser's arithmetic. */
export async function isPrefix(older: VerifiedCheckpoint, newer: VerifiedCheckpoint): Promise<boolean> {
  if (older.size === newer.size) return equal(older.root, newer.root)
  const proof = await text(`/ledger/${LEDGER}/proof/consistency?old=${older.size}&new=${newer.size}`)
  const hashes = proof.split('\n').filter(Boolean).map(fromBase64)
  return verifyConsistency(older.size, older.root, newer.size, newer.root, hashes)
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
