import { expect, it } from 'vitest'
import type { Entry } from '@/model/events'
import { applyToLot, BID_ROWS_MAX, emptyLot } from '@/model/lot'
import { COPY_EVERY, Replay } from '@/model/replay'

const LOT = '01JD9Z5T8Q3W6V2K4M7N0P1R2S'
const T0 = 1_795_600_000_000_000n
const entry = (seq: number, kind: string, data: object, actor = 'bidder/7'): Entry => ({
  seq,
  time: T0 + BigInt(seq) * 1_000_000n,
  hash: '',
  payload: { kind, subject: `lot/${LOT}`, actor, data },
})
const until = '2026-11-23T10:00:00.000000Z'
/** An auction of more bids than a live screen keeps, each followed by its extension, with a pause in between. */
const entries = [
  entry(0, 'auction.opened', { numbers: [7, 8], until }),
  ...Array.from({ length: 1_400 }, (_, i) =>
    i === 700
      ? entry(i + 1, 'lot.suspended', { hold: { by: 'office' }, reason: 'x' }, 'system')
      : i === 701
        ? entry(i + 1, 'lot.resumed', { hold: { by: 'office' }, reason: 'x', running: true, credit: 1 }, 'system')
        : i % 2 === 0
          ? entry(
              i + 1,
              'auction.bid_accepted',
              { amount: String((i + 1) * 100), statement: '' },
              `bidder/${7 + (i % 4) / 2}`,
            )
          : entry(i + 1, 'auction.extended', { until }, 'system'),
  ),
]

it('is at every moment what a replay from the beginning is, whichever way the cursor went', () => {
  const replay = new Replay(LOT, entries)
  replay.at(entries.length)
  for (const count of [1_401, 1, 702, 701, COPY_EVERY, COPY_EVERY + 1, COPY_EVERY - 1, 0, 1_300]) {
    const plain = emptyLot(LOT, Number.POSITIVE_INFINITY)
    for (const e of entries.slice(0, count)) applyToLot(plain, e)
    expect(replay.at(count)).toEqual(plain)
  }
})

it('keeps all bids, where a live screen keeps the newest', () => {
  expect(new Replay(LOT, entries).at(entries.length).bids).toHaveLength(699)
  const live = emptyLot(LOT)
  for (const e of entries) applyToLot(live, e)
  expect(live.bids).toHaveLength(BID_ROWS_MAX)
})
