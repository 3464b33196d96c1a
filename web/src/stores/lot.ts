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
      if (mine) view.entries.push(entry)
      return mine
    },
  )
  return { id, ...shared }
})
