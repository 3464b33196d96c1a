/** The review desk: one cursor over a lot's entries; the state at the cursor is a replay of all before it. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { get, Refusal, whoAmI, wordsOf } from '@/api/call'
import { entriesOf } from '@/api/trust'
import type { ReadEntry } from '@/verify'
import { Replay } from '@/model/replay'
import type { BoxState } from '@/components/StateBox.vue'

export interface ReviewedLot {
  id: string
  title: string
  project: { code: string; owner_name: string; place: string; category: string }
}

export const useReview = defineStore('review', () => {
  const id = ref('')
  const state = ref<BoxState | 'ready'>('loading')
  const detail = ref<string>()
  const about = shallowRef<ReviewedLot | null>(null)
  const entries = shallowRef<ReadEntry[]>([])
  const readCount = ref(0)
  /** Index of the entry on which the cursor stands. */
  const cursor = ref(0)

  const entry = computed(() => entries.value[cursor.value] ?? null)
  const replay = computed(() => new Replay(id.value, entries.value))
  const whole = computed(() => replay.value.at(entries.value.length))
  const now = computed(() => replay.value.at(cursor.value + 1))

  /** `stay`: the entry at which the cursor stays when the lot is read again. */
  async function load(lot: string, stay?: number): Promise<void> {
    id.value = lot
    if (stay === undefined) state.value = 'loading'
    readCount.value = 0
    try {
      const [, view, found] = await Promise.all([
        whoAmI(),
        get<ReviewedLot>(`/lots/${lot}`),
        entriesOf(`lot/${lot}`, (n) => (readCount.value = n)),
      ])
      about.value = view
      entries.value = found
      const at = stay === undefined ? -1 : found.findIndex((e) => e.seq === stay)
      cursor.value = at < 0 ? Math.max(0, found.length - 1) : at
      state.value = entries.value.length > 0 ? 'ready' : 'empty'
    } catch (error) {
      state.value = error instanceof Refusal && error.status === 0 ? 'offline' : 'error'
      // A leaf that is none names its entry.
      detail.value = error instanceof Refusal ? wordsOf(error, '') : String((error as Error).message)
    }
  }

  const last = computed(() => Math.max(0, entries.value.length - 1))
  const seek = (to: number): void => void (cursor.value = Math.min(last.value, Math.max(0, to)))
  const move = (by: number): void => seek(cursor.value + by)

  return { id, state, detail, about, entries, readCount, cursor, entry, whole, now, last, load, seek, move }
})
