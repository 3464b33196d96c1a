/**
 * How a receipt that was kept stands against what the log shows now. A tree that continues the receipt's tree has lost
 * nothing of it and put nothing elsewhere: one consistency proof tells both.
 */

import { equal, fromBase64, utf8 } from '@/lib/bytes'
import { verifyCheckpoint, verifyReceipt, type CheckpointTrust, type VerifiedReceipt } from './checkpoint'
import { leafHash } from './leaf'
import { verifyConsistency } from './tree'

/** A later checkpoint and the consistency proof that the log gave for it: what goes into the file as evidence. */
export interface Shown {
  checkpoint: string
  consistency: string[]
}

export type Standing =
  /** The newest checkpoint, of this size, continues it. */
  | { state: 'held'; size: number }
  /** The log shows an older checkpoint than the receipt's. For seconds that is a slow node, for longer it is a loss. */
  | { state: 'behind'; size: number; shown: Shown }
  /** That the newest checkpoint continues it was not shown. */
  | { state: 'unproven'; why: string; shown: Shown | null }
  /** The log signed two histories: certain. */
  | { state: 'contradicted'; why: string; shown: Shown }

/** Base64 hashes, as the log answers; null when it says that it has no such proof. */
export type AskConsistency = (older: number, newer: number) => Promise<string[] | null>

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** `ask` may throw when there is no answer at all: that says nothing about the log, and is thrown on. */
export async function standing(
  kept: { leaf: string; proof: string },
  newest: string,
  ask: AskConsistency,
  trust: CheckpointTrust,
): Promise<Standing> {
  let receipt: VerifiedReceipt
  let now
  try {
    receipt = await verifyReceipt(kept.proof, await leafHash(utf8(kept.leaf)), trust)
    now = await verifyCheckpoint(newest, trust)
  } catch (error) {
    // Another key than the one that signed the receipt, or an unsigned head.
    return { state: 'unproven', why: words(error), shown: { checkpoint: newest, consistency: [] } }
  }
  const then = receipt.checkpoint
  if (now.size === then.size) {
    if (equal(now.root, then.root)) return { state: 'held', size: now.size }
    const shown = { checkpoint: newest, consistency: [] }
    return { state: 'contradicted', why: `two roots of size ${now.size}`, shown }
  }
  if (now.size < then.size) return { state: 'behind', size: now.size, shown: { checkpoint: newest, consistency: [] } }
  const consistency = await ask(then.size, now.size)
  const shown = { checkpoint: newest, consistency: consistency ?? [] }
  if (consistency === null) return { state: 'unproven', why: 'the log has no proof', shown }
  try {
    const path = consistency.map(fromBase64)
    if (await verifyConsistency(then.size, then.root, now.size, now.root, path))
      return { state: 'held', size: now.size }
  } catch {
    // Not a list of hashes.
  }
  return { state: 'unproven', why: `size ${then.size} to ${now.size}: the proof leads nowhere`, shown }
}
