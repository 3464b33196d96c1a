/**
 * A lot at any moment of its past. Every so many entries a copy is kept, so that a step costs a few entries and not the
 * whole history. Pure; the reducer never changes what a copy holds.
 */

import type { Entry } from './events'
import { applyToLot, emptyLot, type LotState } from './lot'

/** Entries between two copies: a step replays at most so many. */
export const COPY_EVERY = 128

const copyOf = (lot: LotState): LotState => ({
  ...lot,
  best: new Map(lot.best),
  bids: [...lot.bids],
  numbers: [...lot.numbers],
  eligible: [...lot.eligible],
  confirmed: [...lot.confirmed],
  priority: new Map(lot.priority),
  holds: [...lot.holds],
  pauses: [...lot.pauses],
  milestones: { ...lot.milestones },
})

export class Replay {
  /** After 0, COPY_EVERY, 2 · COPY_EVERY … entries. */
  private readonly copies: LotState[]

  constructor(
    id: string,
    private readonly entries: readonly Entry[],
  ) {
    // A replay shows all bids, not the newest of them.
    this.copies = [emptyLot(id, Number.POSITIVE_INFINITY)]
  }

  /** The lot after its first `count` entries. */
  at(count: number): LotState {
    const wanted = Math.floor(count / COPY_EVERY)
    while (this.copies.length <= wanted) {
      const from = (this.copies.length - 1) * COPY_EVERY
      this.copies.push(this.after(this.copies.at(-1)!, from, from + COPY_EVERY))
    }
    return this.after(this.copies[wanted]!, wanted * COPY_EVERY, count)
  }

  private after(copy: LotState, from: number, to: number): LotState {
    const lot = copyOf(copy)
    for (const entry of this.entries.slice(from, to)) applyToLot(lot, entry)
    return lot
  }
}
