import { defineStore } from 'pinia'
import { source } from '@/api/source'
import { toMillis } from '@/lib/time'
import type { Entry } from '@/model/events'
import { applyToLot } from '@/model/lot'
import type { HallView } from '@/model/views'
import { screen } from './screen'

const RECENT_MS = 60_000

export function reduceHall(view: HallView, entry: Entry): boolean {
  const { checkpoint } = view
  const at = toMillis(entry.time)
  checkpoint.recentEntriesMs = [...checkpoint.recentEntriesMs.filter((t) => t > at - RECENT_MS), at]
  for (const card of view.live) applyToLot(card.lot, entry)
  return true
}

export const useHall = defineStore('hall', () => screen(() => source().hall(), reduceHall))
