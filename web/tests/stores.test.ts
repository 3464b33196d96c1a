// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { LoadError, useSource, type Source } from '@/api/source'
import { fixtures, NOW } from '@/fixtures'
import { formatTime } from '@/lib/time'
import type { Entry } from '@/model/events'
import { reduceFloor, TAPE_ROWS_MAX, useFloor } from '@/stores/floor'
import { useReview } from '@/stores/review'
import { useRoom } from '@/stores/room'

beforeEach(() => {
  setActivePinia(createPinia())
  useSource(fixtures())
})

const bid = (seq: number, lot: string, number: number, amount: string): Entry => ({
  seq, time: NOW, hash: '', payload: { kind: 'auction.bid_accepted', subject: `lot/${lot}`, actor: `bidder/${number}`, data: { amount, statement: '' } },
})

describe('the bidding room', () => {
  it('offers the next step, and follows the leader only by steps', async () => {
    const room = useRoom()
    await room.load()
    expect(room.amount).toEqual({ fen: 18_560_000_000n, problem: null })
    expect(room.standing).toMatchObject({ rank: 2, behind: 100_000_000n, leading: false })
    room.apply(bid(50_000, room.view!.lot.id, 2, '18660000000'))
    await new Promise((resolve) => requestAnimationFrame(resolve))
    expect(room.amount!.fen).toBe(18_760_000_000n)
    room.steps = null
    room.typed = '１８，６６０'
    expect(room.amount).toEqual({ fen: 18_660_000_000n, problem: 'not_better' })
    room.typed = '1,23'
    expect(room.amount!.problem).toBe('decimal_comma')
  })

  it('shows why there is nothing to show', async () => {
    useSource({ ...fixtures(), room: () => Promise.reject(new LoadError('forbidden')) } as Source)
    const room = useRoom()
    await room.load()
    expect(room.state).toBe('forbidden')
  })
})

it('keeps the floor’s tape bounded and counts the leaves between', async () => {
  const floor = useFloor()
  await floor.load()
  const view = floor.view!
  const { lot } = view.tiles.find((t) => t.lot.id === view.selected)!
  const first = view.tape[0]!.seq
  for (let i = 1; i <= 500; i++) reduceFloor(view, bid(first + i * 3, lot.id, 5 + (i % 2), (20_000_000_000n + BigInt(i)).toString()))
  expect(view.tape).toHaveLength(TAPE_ROWS_MAX)
  expect(view.tape[0]).toMatchObject({ seq: first + 1500, skipped: 2 })
  expect(view.head).toBe(Math.max(view.head, first + 1500))
})

it('rebuilds the state at the cursor by replay', async () => {
  const review = useReview()
  await review.load()
  review.move(-1e9)
  expect(review.now.phase).toBe('noticed')
  review.move(1e9)
  expect(review.now.phase).toBe('ranked')
  expect(review.now.reserve).toBe(2_900_000_000n)
  expect(formatTime(review.entry!.time)).toMatch(/Z$/)
})
