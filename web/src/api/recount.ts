/** Reads the whole ledger, checks that it is the one under the signed checkpoint, and sums the year out of it. */

import { equal, fromBase64, type Bytes } from '@/lib/bytes'
import { readEntry, rootOf } from '@/verify'
import { Recount, type Sums } from '@/model/figures'
import { entriesPage, ledger, newestCheckpoint } from './trust'

export interface Recounted {
  size: number
  root: Bytes
  sums: ReturnType<Recount['sums']>
}

export interface Progress {
  done: number
  size: number
}

export type { Sums }

/** Throws when an entry is not what its leaf says, or when the leaves do not make the signed root. */
export async function recount(onProgress: (progress: Progress) => void, stopped: () => boolean): Promise<Recounted> {
  const { origin } = await ledger()
  const { size, root } = await newestCheckpoint()
  const figures = new Recount()
  const leaves: Bytes[] = []
  while (leaves.length < size && !stopped()) {
    const page = await entriesPage('ledger', leaves.length === 0 ? undefined : leaves.length - 1)
    if (page.entries.length === 0) throw new Error(`entry ${leaves.length} is missing`)
    for (const raw of page.entries.slice(0, size - leaves.length)) {
      if (raw.seq !== leaves.length) throw new Error(`entry ${leaves.length} is missing`)
      const entry = await readEntry(raw, origin)
      figures.take(entry)
      leaves.push(fromBase64(entry.hash))
    }
    onProgress({ done: leaves.length, size })
  }
  if (!stopped() && !equal(await rootOf(leaves), root)) throw new Error('the entries do not make the signed root')
  return { size, root, sums: figures.sums() }
}
