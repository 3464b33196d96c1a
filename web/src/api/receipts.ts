/** Receipts: the proof that a bid stands in the ledger, fetched, checked here, kept in this browser, handed out as a file. */

import { save } from './files'
import { toBase64, utf8 } from '@/lib/bytes'
import type { ReceiptRow } from '@/model/views'
import { records } from '@/stores/keyring'
import { leafHash, standing } from '@/verify'
import { ApiError, text } from './client'
import { entryAt, LEDGER, ledger, prove } from './trust'

const idOf = (lot: string, seq: number) => `receipt/${lot}/${seq}`

/** Newest first. */
export async function receiptsOf(lot: string): Promise<ReceiptRow[]> {
  const all = await records.entries()
  const mine = all.filter(([id]) => id.startsWith(`receipt/${lot}/`)).map(([, value]) => value as ReceiptRow)
  return mine.sort((a, b) => b.seq - a.seq)
}

/** The checkpoint that covers a fresh entry comes within seconds. */
const TRIES = 30
const PAUSE_MS = 1_000

/** Waits for the checkpoint over the entry, checks everything, keeps it. Throws when something does not hold. */
export async function takeReceipt(
  bid: { lot: string; seq: number; amount: bigint; statement: string },
  pause = PAUSE_MS,
): Promise<ReceiptRow> {
  for (let attempt = 1; ; attempt++) {
    try {
      const entry = await entryAt(bid.seq)
      const data = entry.payload?.data as { statement?: unknown } | undefined
      if (entry.payload?.subject !== `lot/${bid.lot}` || data?.statement !== bid.statement)
        throw new Error(`entry ${bid.seq} does not hold this statement`)
      const proved = await prove(entry)
      const row: ReceiptRow = {
        lot: bid.lot,
        seq: bid.seq,
        amount: bid.amount,
        time: entry.time,
        pathLength: proved.steps.length,
        size: proved.checkpoint.size,
        statement: bid.statement,
        leaf: entry.raw.leaf,
        payload: entry.raw.payload ?? '',
        proof: proved.text,
      }
      await records.put(idOf(bid.lot, bid.seq), row)
      return row
    } catch (error) {
      const notYet = error instanceof ApiError && (error.status === 404 || error.status === 0 || error.status === 503)
      if (!notYet || attempt >= TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

/* ---- the ledger must go on from every receipt -------------------------------------------------------------------- */

/** A node may lag for seconds; a log that shows less than it has signed for this long has lost something. */
const BEHIND_MAX_MS = 120_000
const RECEIPT = /^receipt\/[^/]+\/\d+$/

async function askConsistency(older: number, newer: number): Promise<string[] | null> {
  try {
    const lines = await text(`/ledger/${LEDGER}/proof/consistency?old=${older}&new=${newer}`)
    return lines.split('\n').filter(Boolean)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null
    throw error
  }
}

/** Looks at one receipt against `newest` and keeps what was found. Throws when the log could not be asked. */
async function look(id: string, row: ReceiptRow, newest: string): Promise<ReceiptRow> {
  const found = await standing(row, newest, askConsistency, await ledger())
  const at = Date.now()
  const since = row.watched?.standing.state === found.state ? row.watched.since : at
  const watched = { at, since, standing: found }
  await records.put(id, { ...row, watched })
  return { ...row, watched }
}

/** Whether the keeper has to be told: contradicted, not shown, or behind for too long. */
export function isAlarm({ watched }: ReceiptRow): boolean {
  if (!watched || watched.standing.state === 'held') return false
  return watched.standing.state !== 'behind' || watched.at - watched.since > BEHIND_MAX_MS
}

/** The receipts of this browser, of all lots. */
export async function allReceipts(): Promise<ReceiptRow[]> {
  const all = await records.entries()
  return all.filter(([id]) => RECEIPT.test(id)).map(([, value]) => value as ReceiptRow)
}

/**
 * Looks whether the ledger still goes on from every receipt in this browser; returns those about which the keeper has to be
 * told. What was found against the log stays found, whatever it shows later.
 */
export async function watchReceipts(): Promise<ReceiptRow[]> {
  const rows = await allReceipts()
  if (rows.length === 0) return []
  const newest = await text(`/ledger/${LEDGER}/checkpoint`)
  const seen: ReceiptRow[] = []
  for (const row of rows) {
    const settled = row.watched?.standing.state === 'contradicted'
    seen.push(settled ? row : await look(idOf(row.lot, row.seq), row, newest))
  }
  return seen.filter(isAlarm)
}

/** Once more from the bytes in this browser. Throws unless the newest checkpoint continues the receipt's own. */
export async function recheck(row: ReceiptRow): Promise<ReceiptRow> {
  const looked = await look(idOf(row.lot, row.seq), row, await text(`/ledger/${LEDGER}/checkpoint`))
  if (looked.watched?.standing.state !== 'held') throw new Error(looked.watched?.standing.state)
  return looked
}

/** docs/receipt-format.md; with what was found against the log, if anything was. */
export function receiptFile({ leaf, payload, proof, watched }: ReceiptRow): string {
  const shown = watched && watched.standing.state !== 'held' ? watched.standing.shown : null
  const file = {
    type: 'mingjian-receipt',
    v: 1,
    leaf,
    ...(payload ? { payload } : {}),
    proof,
    ...(shown ? { newer: shown } : {}),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

export const download = (name: string, body: string, type = 'application/json'): void =>
  save(name, new Blob([body], { type }))

/** Where anybody checks this entry; it names the leaf's hash as it was here, so that another entry in its place shows. */
export async function proofLink(row: ReceiptRow): Promise<string> {
  const hash = toBase64(await leafHash(utf8(row.leaf)))
  return `${location.origin}/verify?${new URLSearchParams({ seq: String(row.seq), leaf: hash }).toString()}`
}
