/** Receipts: the proof that a bid stands in the ledger, fetched, checked here, kept in this browser, handed out as a file. */

import { toBase64, utf8 } from '@/lib/bytes'
import { leafHash } from '@/lib/ledger'
import { formatTime } from '@/lib/time'
import type { ReceiptRow } from '@/model/views'
import { records } from '@/stores/keyring'
import { ApiError } from './client'
import { entryAt, prove } from './trust'

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

/** Once more from the bytes in this browser: the leaf's hash is the one that the fresh proof leads from. */
export async function recheck(row: ReceiptRow): Promise<ReceiptRow> {
  const proved = await prove({ seq: row.seq, hash: toBase64(await leafHash(utf8(row.leaf))) })
  const fresh = { ...row, proof: proved.text, pathLength: proved.steps.length, size: proved.checkpoint.size }
  await records.put(idOf(row.lot, row.seq), fresh)
  return fresh
}

export function receiptFile(row: ReceiptRow): string {
  const { lot, seq, statement, leaf, payload, proof } = row
  return `${JSON.stringify({ type: 'mingjian-receipt', v: 1, lot, seq, amount: row.amount.toString(), time: formatTime(row.time), statement, leaf, payload, proof }, null, 2)}\n`
}

export function download(name: string, body: string, type = 'application/json'): void {
  const url = URL.createObjectURL(new Blob([body], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** Where anybody checks this entry; it names the leaf's hash as it was here, so that another entry in its place shows. */
export async function proofLink(row: ReceiptRow): Promise<string> {
  const hash = toBase64(await leafHash(utf8(row.leaf)))
  return `${location.origin}/verify?${new URLSearchParams({ seq: String(row.seq), leaf: hash }).toString()}`
}
