import { expect, it } from 'vitest'
import { actionsOf } from '@/desk/actions'
import { checkCharacter, wholeCode } from '@/desk/projectCode'
import { fromLocal, toLocal } from '@/desk/times'
import { formatTime, parseTime } from '@/lib/time'
import { ulid } from '@/lib/ulid'
import type { Entry } from '@/model/events'
import { bidsInMinute, emptyWall, newTile, reduceWall, take, TAPE_ROWS_MAX } from '@/model/wall'

const LOT = '01JD9Z5T8Q3W6V2K4M7N0P1R2S'
const T0 = parseTime('2026-11-23T02:00:00.000000Z')
const entry = (seq: number, kind: string, data: object = {}, lot = LOT): Entry => ({
  seq,
  time: T0 + BigInt(seq) * 1_000_000n,
  hash: '',
  payload: { kind, subject: `lot/${lot}`, actor: 'bidder/7', data },
})

it('keeps a tile’s tape bounded, in order and once, and remembers the best proof', () => {
  const tile = newTile(LOT)
  for (let seq = 1; seq <= 500; seq++)
    take(tile, entry(seq * 3, 'auction.bid_accepted', { amount: String(seq * 100), statement: '' }), 'wait')
  expect(tile.tape).toHaveLength(TAPE_ROWS_MAX)
  expect(tile.tape[0]!.entry.seq).toBe(1500)
  take(tile, entry(1500, 'auction.bid_accepted', { amount: '50000', statement: '' }), 'ok')
  expect(tile.tape[0]!.link).toBe('ok')
  expect(tile.lot.accepted).toBe(500)
  expect(bidsInMinute(tile.lot, Number((T0 + 1_500_000_000n) / 1000n))).toBe(20)
})

it('counts every leaf as checked, and asks for a session that opens', () => {
  const wall = emptyWall()
  wall.tiles.set(LOT, newTile(LOT))
  expect(reduceWall(wall, entry(5, 'auction.bid_accepted', { amount: '100', statement: '' }), 12)).toBeNull()
  expect(reduceWall(wall, { seq: 6, time: T0, hash: '', payload: null }, null)).toBeNull()
  expect(reduceWall(wall, entry(7, 'auction.opened', {}, '01JD9Z5T8Q3W6V2K4M7N0P1R2T'), null)).toBe(
    '01JD9Z5T8Q3W6V2K4M7N0P1R2T',
  )
  expect(wall).toMatchObject({ checkedTo: 7, checked: 3 })
  expect(wall.tiles.get(LOT)!.lagMs).toBe(12)
})

it('offers what the phase and role allow, and no lifting of a supervisor’s order', () => {
  expect(actionsOf({ phase: 'ranked' }, 'operator')).toEqual(['publicity', 'fail'])
  expect(actionsOf({ phase: 'publicity' }, 'owner')).toEqual(['award'])
  expect(actionsOf({ phase: 'running', suspended: { holds: [{ by: 'order' }] } }, 'operator')).toEqual([
    'suspend',
    'terminate',
  ])
  expect(actionsOf({ phase: 'running', suspended: { holds: [{ by: 'office' }] } }, 'operator')).toEqual([
    'resume',
    'terminate',
  ])
  expect(actionsOf({ phase: 'running' }, 'supervisor')).toEqual([])
})

it('works out the check character of a project code', () => {
  for (const code of ['C999901-2026-00051-6', 'C999901-2026-00050-8', 'A999901-2026-00042-J', 'A999901-2026-00026-J']) {
    expect(wholeCode(code.slice(0, -2))).toBe(code)
    expect(wholeCode(code)).toBe(code)
  }
  expect(checkCharacter('C999901-2026-00051')).toBe('6')
  expect(wholeCode('C999901-2026-00051-7')).toBeNull()
  expect(wholeCode('X1')).toBeNull()
})

it('speaks Beijing time in the fields', () => {
  expect(formatTime(fromLocal('2026-11-23T10:00'))).toBe('2026-11-23T02:00:00.000000Z')
  expect(toLocal(Date.UTC(2026, 10, 23, 2))).toBe('2026-11-23T10:00')
})

it('makes ULIDs that sort by time', () => {
  expect(ulid(0, new Uint8Array(10))).toBe('0'.repeat(26))
  expect(ulid(1)).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
  expect(ulid(1) < ulid(2)).toBe(true)
})
