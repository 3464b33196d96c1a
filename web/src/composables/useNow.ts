import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'
import { serverClock } from '@/stores/clock'

/** Server time in ms, moved once a second on the second (or every `everyMs`). */
export function useNow(everyMs = 250): Ref<number> {
  const now = ref(serverClock.nowMs())
  let timer: ReturnType<typeof setInterval> | undefined
  onMounted(() => {
    timer = setInterval(() => (now.value = serverClock.nowMs()), everyMs)
  })
  onBeforeUnmount(() => clearInterval(timer))
  return now
}
