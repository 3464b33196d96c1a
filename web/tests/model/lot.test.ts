import { describe, expect, it } from 'vitest'
import { parseTime } from '@/lib/time'
import type { Entry, Facts, Kind } from '@/model/events'
import {
  applyToLot,
  bidProblem,
  bidRange,
  emptyLot,
  rankOf,
  remainingMs,
  type BidProblem,
  type LotState,
} from '@/model/lot'

const LOT = '01JD9Z5T8Q3W6V2K4M7N0P1R2S'
const START = parseTime('2026-11-23T01:00:00.000000Z')
const at = (second: number) => START + BigInt(second) * 1_000_000n
const rfc = (second: number) => new Date(Number(at(second) / 1000n)).toISOString().replace('Z', '000Z')

class Script {
  readonly lot: LotState = emptyLot(LOT)
  private seq = 0
  add<K extends Kind>(second: number, kind: K, data: Facts[K], actor = 'system'): this {
    const entry: Entry = {
      seq: this.seq++,
      time: at(second),
      hash: '',
      payload: { kind, subject: `lot/${LOT}`, actor, data },
    }
    applyToLot(this.lot, entry)
    return this
  }
  bid(second: number, number: number, amount: string): this {
    this.add(second, 'auction.bid_accepted', { amount, statement: '' }, `bidder/${number}`)
    return this.lot.stage === 'timed' ? this.add(second, 'auction.extended', { until: rfc(second + 300) }) : this
  }
}

function opened(method: 'ascending' | 'descending' = 'ascending', cap?: string): Script {
  const times = { sign_up_opens: rfc(0), sign_up_closes: rfc(0), deposit_due: rfc(0), auction_opens: rfc(0) }
  const rules = { name: method, start: '1000', step: '100', max_steps: 5, free: 600_000_000, window: 300_000_000 }
  return new Script()
    .add(0, 'lot.noticed', {
      project: LOT,
      title: '标的',
      estimate: '1000',
      rules: { method: rules, min_bidders: 1, deposit: '0', timetable: times, ...(cap ? { cap } : {}) },
    })
    .add(1, 'lot.sign_up_opened', {})
    .add(2, 'lot.number_dealt', { number: 3, key: {} as never, priority: 1 })
    .add(3, 'lot.sign_up_closed', {})
    .add(10, 'auction.opened', { numbers: [3, 5, 7], until: rfc(610) })
}

describe('a lot as its events tell it', () => {
  it('follows bids, extensions and the close', () => {
    const s = opened()
      .bid(20, 5, '1000')
      .add(610, 'auction.timed_period_started', { until: rfc(910) })
      .bid(700, 7, '1200')
      .bid(800, 5, '1300')
    s.add(801, 'auction.bid_refused', { amount: '1301', rule: 'step_not_met', statement: '' }, 'bidder/3')
    expect(s.lot).toMatchObject({ phase: 'running', stage: 'timed', extensions: 2, accepted: 3, refused: 1 })
    expect(s.lot.leader).toMatchObject({ number: 5, amount: 1300n })
    expect(s.lot.bids.map((b) => [b.number, b.steps, b.rule, b.until])).toEqual([
      [3, null, 'step_not_met', null],
      [5, 1n, null, at(1100)],
      [7, 2n, null, at(1000)],
      [5, null, null, null],
    ])
    expect(remainingMs(s.lot, Number(at(900) / 1000n))).toBe(200_000)
    expect(rankOf(s.lot, 5)).toBe(1)
    expect(rankOf(s.lot, 7)).toBe(2)
    expect(rankOf(s.lot, 3)).toBeNull()
    s.add(1100, 'auction.closed', { ranking: [{ number: 5, amount: '1300', rung: 0 }] })
    expect(s.lot).toMatchObject({ phase: 'ranked', until: null })
  })

  it('takes each entry once, and none of another lot', () => {
    const { lot } = opened().bid(20, 5, '1000')
    const entry: Entry = {
      seq: 5,
      time: at(20),
      hash: '',
      payload: {
        kind: 'auction.bid_accepted',
        subject: `lot/${LOT}`,
        actor: 'bidder/7',
        data: { amount: '9', statement: '' },
      },
    }
    expect(applyToLot(lot, entry)).toBe(false)
    expect(applyToLot(lot, { ...entry, seq: 9, payload: { ...entry.payload!, subject: 'lot/other' } })).toBe(false)
    expect(applyToLot(lot, { ...entry, seq: 9, payload: null })).toBe(false)
    expect(lot.accepted).toBe(1)
  })

  it('freezes what is left while the clock stands still and gives it back', () => {
    const s = opened().add(610, 'auction.timed_period_started', { until: rfc(910) })
    s.add(700, 'lot.suspended', { hold: { by: 'order', id: 'X' }, reason: '核实' })
    s.add(710, 'lot.suspended', { hold: { by: 'office' }, reason: '断电' })
    expect(remainingMs(s.lot, Number(at(5000) / 1000n))).toBe(210_000)
    s.add(720, 'lot.resumed', { hold: { by: 'office' }, reason: '', running: false, credit: 0 })
    expect(s.lot.stoppedAt).not.toBeNull()
    s.add(800, 'lot.resumed', { hold: { by: 'order', id: 'X' }, reason: '', running: true, credit: 100_000_000 })
    expect(s.lot.stoppedAt).toBeNull()
    expect(s.lot.until).toBe(at(1010))
    expect(s.lot.pauses).toMatchObject([
      { by: 'order', to: at(800) },
      { by: 'office', to: at(720) },
    ])
  })
})

describe('what may be bid', () => {
  const table: [string, () => LotState, number, bigint, BidProblem | null][] = [
    ['first at start', () => opened().lot, 5, 1000n, null],
    ['first below start', () => opened().lot, 5, 999n, 'below_start'],
    ['first off step', () => opened().lot, 5, 1050n, 'off_step'],
    ['first too many steps', () => opened().lot, 5, 1600n, 'step_too_large'],
    ['one step', () => opened().bid(20, 7, '1000').lot, 5, 1100n, null],
    ['five steps', () => opened().bid(20, 7, '1000').lot, 5, 1500n, null],
    ['six steps', () => opened().bid(20, 7, '1000').lot, 5, 1600n, 'step_too_large'],
    ['equal', () => opened().bid(20, 7, '1000').lot, 5, 1000n, 'not_better'],
    ['equal, with priority', () => opened().bid(20, 7, '1000').lot, 3, 1000n, null],
    ['less', () => opened().bid(20, 7, '1000').lot, 5, 900n, 'not_better'],
    ['half a step', () => opened().bid(20, 7, '1000').lot, 5, 1050n, 'step_not_met'],
    ['a step and a half', () => opened().bid(20, 7, '1000').lot, 5, 1150n, 'off_step'],
    ['leading already', () => opened().bid(20, 5, '1000').lot, 5, 1100n, 'already_leading'],
    ['at the cap, off step', () => opened('ascending', '1130').bid(20, 7, '1000').lot, 5, 1130n, null],
    ['past the cap', () => opened('ascending', '1130').bid(20, 7, '1000').lot, 5, 1200n, 'above_cap'],
    ['downwards', () => opened('descending').bid(20, 7, '1000').lot, 5, 900n, null],
    ['downwards, up', () => opened('descending').bid(20, 7, '1000').lot, 5, 1100n, 'not_better'],
    ['downwards, above the ceiling', () => opened('descending').lot, 5, 1001n, 'above_ceiling'],
    [
      'suspended',
      () => opened().add(30, 'lot.suspended', { hold: { by: 'office' }, reason: '' }).lot,
      5,
      1000n,
      'suspended',
    ],
    ['not open', () => emptyLot(LOT), 5, 1000n, 'not_open'],
    ['closed', () => opened().add(30, 'auction.closed', { ranking: [] }).lot, 5, 1000n, 'closed'],
  ]
  it.each(table)('%s', (_name, lot, number, amount, problem) => expect(bidProblem(lot(), number, amount)).toBe(problem))

  it('offers exactly what it would let through', () => {
    for (const lot of [
      opened().lot,
      opened().bid(20, 7, '1000').lot,
      opened('descending').bid(20, 7, '1000').lot,
      opened('ascending', '1130').bid(20, 7, '1000').lot,
    ]) {
      const range = bidRange(lot)!
      for (const amount of [range.min, range.max]) expect(bidProblem(lot, 5, amount)).toBeNull()
      expect(bidProblem(lot, 5, range.descending ? range.max + 1n : range.min - 1n)).not.toBeNull()
      expect(bidProblem(lot, 5, range.descending ? range.min - 100n : range.max + 100n)).not.toBeNull()
    }
  })
})
