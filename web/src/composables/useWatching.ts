/** Keeps a screen's model going while the screen stands: entries from the live stream, proofs for what is on it. */

import { onBeforeUnmount, onMounted } from 'vue'
import { source } from '@/api/source'
import { proveAll } from '@/api/trust'
import type { Entry } from '@/model/events'

/** The newest entries get their proofs first; older ones when somebody asks. */
const PROVED_AT_ONCE = 150

export interface Watched {
  load(): Promise<void>
  apply(entry: Entry): void
}

export function useWatching(scope: string, watched: Watched, shown: () => readonly Entry[]): void {
  let stop = () => {}
  let gone = false
  onMounted(async () => {
    stop = source().watch(scope, 0, watched.apply)
    await watched.load()
    void proveAll(shown().slice(-PROVED_AT_ONCE), undefined, () => gone)
  })
  onBeforeUnmount(() => {
    gone = true
    stop()
  })
}
