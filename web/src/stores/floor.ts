import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { source } from '@/api/source'
import { toMillis } from '@/lib/time'
import { lotOf, type Entry } from '@/model/events'
import { applyToLot } from '@/model/lot'
import { describe } from '@/model/describe'
import type { FloorView, TapeRow } from '@/model/views'
import { screen } from './screen'

/** Rows kept of the tape; a session of hours must not grow the page. */
export const TAPE_ROWS_MAX = 200

export function reduceFloor(view: FloorView, entry: Entry): boolean {
  view.head = Math.max(view.head, entry.seq)
  const lotId = entry.payload ? lotOf(entry.payload.subject) : null
  const tile = lotId ? view.tiles.find((t) => t.lot.id === lotId) : undefined
  if (tile) {
    applyToLot(tile.lot, entry)
    tile.lastSeq = entry.seq
    const minuteAgo = toMillis(entry.time) - 60_000
    tile.bidsPerMinute = tile.lot.bids.filter((b) => toMillis(b.time) > minuteAgo).length
  }
  if (lotId === view.selected && tile) {
    const before = view.tape[0]?.seq ?? entry.seq - 1
    const row: TapeRow = { ...describe(entry, tile.lot), skipped: entry.seq - before - 1, link: 'ok', cited: false }
    view.tape.unshift(row)
    if (view.tape.length > TAPE_ROWS_MAX) view.tape.length = TAPE_ROWS_MAX
  }
  return true
}

export const useFloor = defineStore('floor', () => {
  const shared = screen(() => source().floor(), reduceFloor)
  const selected = ref('')
  const tile = computed(() => shared.view.value?.tiles.find((t) => t.lot.id === (selected.value || shared.view.value?.selected)) ?? null)
  return { ...shared, selected, tile }
})
