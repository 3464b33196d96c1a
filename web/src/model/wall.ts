/** The wall: running lots as their entries tell them, each with the last of its tape. Pure; bounded. */

import { toMillis } from '@/lib/time'
import { lotOf, type Entry } from './events'
import { applyToLot, emptyLot, type LotState } from './lot'

/** Rows kept of a lot's tape; a session of hours must not grow the page. */
export const TAPE_ROWS_MAX = 200
/** A session that is over stays on the wall for so long, and no more of them than this. */
export const OVER_KEPT_MS = 10 * 60_000
export const OVER_KEPT_MAX = 12
const RUNNING = ['running', 'disclosing']

/** `ok`: this browser checked the hash link to the entry before, or the path to a signed root. */
export type LinkState = 'ok' | 'wait' | 'bad'
export interface TapeEntry {
  entry: Entry
  link: LinkState
}

export interface Tile {
  lot: LotState
  tape: TapeEntry[]
  bidsPerMinute: number
  /** How far behind the server this page is about the session, ms, as last measured; null while the stream is not live. */
  lagMs: number | null
  /** Moves with every change: what is drawn of a tile is drawn again only then. */
  revision: number
}

export interface Wall {
  tiles: Map<string, Tile>
  /** Newest entry checked here; −1 before the first. */
  checkedTo: number
  checked: number
}

export const emptyWall = (): Wall => ({ tiles: new Map(), checkedTo: -1, checked: 0 })
export const newTile = (id: string): Tile => ({
  lot: emptyLot(id),
  tape: [],
  bidsPerMinute: 0,
  lagMs: null,
  revision: 0,
})
export const isRunning = (lot: LotState): boolean => RUNNING.includes(lot.phase)

export function bidsInMinute(lot: LotState, nowMs: number): number {
  let n = 0
  // Newest first.
  for (const bid of lot.bids) {
    if (toMillis(bid.time) <= nowMs - 60_000) break
    n++
  }
  return n
}

/** Takes an entry of this lot; one that is there already only becomes better proven. */
export function take(tile: Tile, entry: Entry, link: LinkState): void {
  tile.revision++
  const known = tile.tape.find((row) => row.entry.seq === entry.seq)
  if (known) {
    if (known.link === 'wait' || link === 'bad') known.link = link
    return
  }
  applyToLot(tile.lot, entry)
  const at = tile.tape.findIndex((row) => row.entry.seq < entry.seq)
  tile.tape.splice(at < 0 ? tile.tape.length : at, 0, { entry, link })
  if (tile.tape.length > TAPE_ROWS_MAX) tile.tape.length = TAPE_ROWS_MAX
}

/** Bids a minute fall by themselves as time goes on, and sessions that are over leave the wall, the oldest first. */
export function age(wall: Wall, nowMs: number, keep: string): boolean {
  const over: { id: string; atMs: number }[] = []
  for (const [id, tile] of wall.tiles) {
    const rate = bidsInMinute(tile.lot, nowMs)
    if (rate !== tile.bidsPerMinute) {
      tile.bidsPerMinute = rate
      tile.revision++
    }
    if (!isRunning(tile.lot) && id !== keep)
      over.push({ id, atMs: tile.tape[0] ? toMillis(tile.tape[0].entry.time) : 0 })
  }
  over.sort((a, b) => b.atMs - a.atMs)
  const gone = over.filter((tile, place) => place >= OVER_KEPT_MAX || tile.atMs < nowMs - OVER_KEPT_MS)
  for (const { id } of gone) wall.tiles.delete(id)
  return gone.length > 0
}

/** The stream was heard of, `lagMs` after the server spoke: every session on the wall is as fresh as that. */
export function hear(wall: Wall, lagMs: number | null): void {
  for (const tile of wall.tiles.values()) {
    if (tile.lagMs === lagMs) continue
    tile.lagMs = lagMs
    tile.revision++
  }
}

/** An entry of the stream, chained to the one before. Returns the lot that the wall should fetch, if it is a new one. */
export function reduceWall(wall: Wall, entry: Entry, lagMs: number | null): string | null {
  wall.checkedTo = entry.seq
  wall.checked++
  const id = entry.payload ? lotOf(entry.payload.subject) : null
  if (id === null) return null
  const tile = wall.tiles.get(id)
  if (!tile) return entry.payload?.kind === 'auction.opened' ? id : null
  if (lagMs !== null) tile.lagMs = lagMs
  take(tile, entry, 'ok')
  return null
}
