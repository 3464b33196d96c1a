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
      const mine = applyToLot(view.lot, entry)
      // A new list: what hangs on it is drawn again.
      if (mine) view.entries = [...view.entries, entry]
      return mine
    },
  )
  return { id, ...shared }
})
