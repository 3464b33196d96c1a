import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'
import { serverClock } from '@/stores/clock'

/** One timer for all that look at the clock equally often: a wall of fifty sessions has one, not fifty. */
const beats = new Map<number, { now: Ref<number>; users: number; timer?: ReturnType<typeof setInterval> }>()

/** Server time in ms, moved every `everyMs`. */
export function useNow(everyMs = 250): Ref<number> {
  const beat = beats.get(everyMs) ?? { now: ref(serverClock.nowMs()), users: 0 }
  beats.set(everyMs, beat)
  onMounted(() => {
    if (beat.users++ > 0) return
    beat.now.value = serverClock.nowMs()
    beat.timer = setInterval(() => (beat.now.value = serverClock.nowMs()), everyMs)
  })
  onBeforeUnmount(() => {
    if (--beat.users > 0) return
    clearInterval(beat.timer)
    beats.delete(everyMs)
  })
  return beat.now
}
