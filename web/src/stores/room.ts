import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { source } from '@/api/source'
import { parseMoney, UNIT_FEN, type Fen, type MoneyUnit, type MoneyProblem } from '@/lib/money'
import { applyToLot, bidProblem, bidRange, rankOf, type BidProblem } from '@/model/lot'
import type { StreamState } from '@/lib/live'
import { screen } from './screen'

export type Amount = { fen: Fen; problem: MoneyProblem | BidProblem | null }

/** The bidding room: what stands, what I may bid, what I am about to sign. */
export const useRoom = defineStore('room', () => {
  const lotId = ref('')
  const shared = screen(() => source().room(lotId.value), (view, entry) => applyToLot(view.lot, entry))
  const stream = ref<StreamState>({ name: 'connecting', transport: 'socket', attempt: 0 })
  const checkedTo = ref(-1)
  const missed = ref<{ from: number; to: number } | null>(null)

  /** The unit in which this lot is bid for: 万元 where steps are whole 万元. */
  const unit = computed<MoneyUnit>(() => {
    const step = range.value?.step
    return step !== undefined && step % UNIT_FEN.wan !== 0n ? 'yuan' : 'wan'
  })
  const range = computed(() => (shared.view.value ? bidRange(shared.view.value.lot) : null))

  /**
   * Either a number of steps, which moves along with the price, or a free entry, which stays as typed: when a new bid
   * has made it worthless it says so, and nobody signs a price that they did not choose.
   */
  const steps = ref<number | null>(1)
  const typed = ref('')

  const amount = computed<Amount | null>(() => {
    const view = shared.view.value
    if (!view || !range.value) return null
    let fen: Fen
    if (steps.value !== null) {
      fen = range.value.at(steps.value)
    } else {
      const parsed = parseMoney(typed.value, unit.value)
      if (!parsed.ok) return { fen: 0n, problem: parsed.problem }
      fen = parsed.fen
    }
    return { fen, problem: bidProblem(view.lot, view.number, fen) }
  })

  const standing = computed(() => {
    const view = shared.view.value
    if (!view) return null
    const { lot, number } = view
    const best = lot.best.get(number) ?? null
    const behind = best && lot.leader ? (lot.leader.amount > best.amount ? lot.leader.amount - best.amount : best.amount - lot.leader.amount) : null
    return { rank: rankOf(lot, number), best, behind, leading: lot.leader?.number === number }
  })

  return { lotId, ...shared, stream, checkedTo, missed, unit, range, steps, typed, amount, standing }
})
