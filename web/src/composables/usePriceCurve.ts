/** A lot's bids as points of a chart, in the unit on its axis; the running stage alone where a long one lies before it. */

import { computed, type ComputedRef, type Ref } from 'vue'
import type { ChartPoint } from '@/components/StepChart.vue'
import { UNIT_FEN, percent, type MoneyUnit } from '@/lib/money'
import { toMillis } from '@/lib/time'
import { isDescending, stepsNow, type LotState } from '@/model/lot'

const TIMED_SHOWN_MS = 3 * 3_600_000

export interface PriceCurve {
  points: ComputedRef<ChartPoint[]>
  /** The price before the first point shown. */
  base: ComputedRef<number>
  start: ComputedRef<bigint>
  /** Premium over the start price, or saving below it; a dash without a bid. */
  gain: ComputedRef<string>
}

export function usePriceCurve(lot: Ref<LotState | null>, unit: Ref<MoneyUnit>, own: Ref<number | null>): PriceCurve {
  const scale = computed(() => Number(UNIT_FEN[unit.value]))
  const start = computed(() => (lot.value ? (stepsNow(lot.value)?.start ?? 0n) : 0n))
  const shown = computed(() => {
    const bids = lot.value?.bids ?? []
    const newest = bids[0] ? toMillis(bids[0].time) : 0
    const from = lot.value?.stage === 'free' ? 0 : newest - TIMED_SHOWN_MS
    return bids.filter((bid) => toMillis(bid.time) > from).reverse()
  })
  const points = computed<ChartPoint[]>(() =>
    shown.value.map((bid) => ({
      ms: toMillis(bid.time),
      value: Number(bid.amount) / scale.value,
      shape: bid.rule ? 'refused' : bid.number === own.value ? 'own' : 'other',
    })),
  )
  const base = computed(() => {
    const first = shown.value[0]
    const older = first && lot.value?.bids.find((bid) => bid.rule === null && bid.time < first.time)
    return Number(older?.amount ?? start.value) / scale.value
  })
  const gain = computed(() => {
    const leader = lot.value?.leader
    if (!lot.value || !leader || start.value <= 0n) return '—'
    const distance = isDescending(lot.value) ? start.value - leader.amount : leader.amount - start.value
    return percent(distance, start.value)
  })
  return { points, base, start, gain }
}
