/** The rooms as they are now, asked for again and again while the page is open. */
import { onBeforeUnmount, shallowRef, type ShallowRef } from 'vue'
import { rooms, type Room } from './footage'

const AGAIN_MS = 5_000

export function useRooms(): ShallowRef<Room[]> {
  const list = shallowRef<Room[]>([])
  const load = async (): Promise<void> => {
    try {
      list.value = await rooms()
    } catch {
      // The page says itself when the server cannot be reached; the last known state stands.
    }
  }
  void load()
  const timer = setInterval(() => void load(), AGAIN_MS)
  onBeforeUnmount(() => clearInterval(timer))
  return list
}
