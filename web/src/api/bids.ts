/**
 * Sends a signed statement until there is an answer. The statement is kept before it leaves, and every attempt sends
 * the same bytes: the server answers the same nonce with the same entry, so a lost answer never becomes a second bid.
 */

import type { KeyStorage } from '@/lib/keys'
import { ApiError } from './client'

export interface Pending {
  kind: 'bid' | 'confirmation'
  lot: string
  amount: bigint
  statement: string
}

export interface Accepted {
  seq: number
  time: string
  replayed: boolean
}

export type Outcome =
  { name: 'accepted'; seq: number; time: string; replayed: boolean } | { name: 'refused'; error: ApiError }

/** No answer, or one that leaves the outcome open: only the same statement again can tell. */
export const isOpen = (error: unknown): boolean =>
  error instanceof ApiError &&
  (error.status === 0 || error.status === 503 || error.status === 502 || error.status === 504 || error.status === 429)

const PAUSES_MS = [300, 700, 1_500, 3_000, 5_000]

export interface Courier {
  post(pending: Pending): Promise<Accepted>
  storage: KeyStorage
  wait?(ms: number): Promise<void>
  /** Called before each further attempt. */
  onRetry?(attempt: number): void
  stopped?(): boolean
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const idOf = (lot: string) => `pending/${lot}`

/** What was signed for this lot and has no answer yet, after a reload. */
export async function pendingOf(storage: KeyStorage, lot: string): Promise<Pending | null> {
  return ((await storage.get(idOf(lot))) as Pending | null | undefined) ?? null
}

export async function deliver(pending: Pending, courier: Courier): Promise<Outcome> {
  const { storage, wait = sleep } = courier
  await storage.put(idOf(pending.lot), pending)
  for (let attempt = 0; ; attempt++) {
    try {
      const accepted = await courier.post(pending)
      await storage.put(idOf(pending.lot), null)
      return { name: 'accepted', ...accepted }
    } catch (error) {
      if (!isOpen(error)) {
        await storage.put(idOf(pending.lot), null)
        if (error instanceof ApiError) return { name: 'refused', error }
        throw error
      }
      if (courier.stopped?.()) throw error
      courier.onRetry?.(attempt + 1)
      await wait(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)]!)
    }
  }
}
