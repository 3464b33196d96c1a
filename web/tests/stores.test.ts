// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { LoadError, useSource, type Source } from '@/api/source'
import { fixtures, NOW } from '@/fixtures'
import type { Entry } from '@/model/events'
import { useRoom } from '@/stores/room'

beforeEach(() => {
  setActivePinia(createPinia())
  useSource(fixtures())
})

const bid = (seq: number, lot: string, number: number, amount: string): Entry => ({
  seq,
  time: NOW,
  hash: '',
  payload: {
    kind: 'auction.bid_accepted',
    subject: `lot/${lot}`,
    actor: `bidder/${number}`,
    data: { amount, statement: '' },
  },
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
