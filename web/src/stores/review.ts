import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { source } from '@/api/source'
import { applyToLot, emptyLot, type LotState } from '@/model/lot'
import { screen } from './screen'

/** The review desk: one cursor over a lot's entries; the state at the cursor is a replay of all before it. */
export const useReview = defineStore('review', () => {
  const id = ref('')
  const shared = screen(() => source().review(id.value), (view, entry) => {
    view.entries.push(entry)
    return true
  })
  /** Index of the entry on which the cursor stands. */
  const cursor = ref(0)
  const entry = computed(() => shared.view.value?.entries[cursor.value] ?? null)

  const whole = computed(() => replay(Number.MAX_SAFE_INTEGER))
  const now = computed(() => replay(cursor.value + 1))

  function replay(count: number): LotState {
    const lot = emptyLot(shared.view.value?.lotId ?? '')
    for (const e of (shared.view.value?.entries ?? []).slice(0, count)) applyToLot(lot, e)
    return lot
  }

  function move(by: number): void {
    const last = (shared.view.value?.entries.length ?? 1) - 1
    cursor.value = Math.min(last, Math.max(0, cursor.value + by))
  }

  return { id, ...shared, cursor, entry, whole, now, move }
})
