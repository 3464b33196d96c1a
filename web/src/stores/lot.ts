import { defineStore } from 'pinia'
import { ref } from 'vue'
import { source } from '@/api/source'
import { applyToLot } from '@/model/lot'
import { screen } from './screen'

export const useLot = defineStore('lot', () => {
  const id = ref('')
  const shared = screen(
    () => source().lot(id.value),
    (view, entry) => {
      const before = view.lot.lastSeq
      applyToLot(view.lot, entry)
      // Its own entry, even of a kind that leaves its state alone, such as an objection; in a new list, so that what hangs
      // on it is drawn again.
      const mine = view.lot.lastSeq !== before
      if (mine) view.entries = [...view.entries, entry]
      return mine
    },
  )
  return { id, ...shared }
})
