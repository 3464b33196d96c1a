/** What every screen's store shares: load once, show the state of the loading, take entries one after the other. */

import { shallowRef, ref, triggerRef, type Ref, type ShallowRef } from 'vue'
import { LoadError } from '@/api/source'
import type { Entry } from '@/model/events'
import type { BoxState } from '@/components/StateBox.vue'

export interface Screen<T> {
  view: ShallowRef<T | null>
  state: Ref<BoxState | 'ready'>
  detail: Ref<string | undefined>
  load(): Promise<void>
  apply(entry: Entry): void
}

export function screen<T>(fetch: () => Promise<T>, reduce: (view: T, entry: Entry) => boolean): Screen<T> {
  const view = shallowRef<T | null>(null)
  const state = ref<BoxState | 'ready'>('loading')
  const detail = ref<string>()
  let frame = 0
  return {
    view,
    state,
    detail,
    async load() {
      state.value = 'loading'
      try {
        view.value = await fetch()
        state.value = 'ready'
      } catch (error) {
        state.value = error instanceof LoadError ? error.state : 'error'
        detail.value = error instanceof LoadError ? error.detail : undefined
      }
    },
    // The model changes at once; the screen is told at most once a frame, however many entries come.
    apply(entry) {
      if (!view.value || !reduce(view.value, entry) || frame !== 0) return
      frame = requestAnimationFrame(() => {
        frame = 0
        triggerRef(view)
      })
    },
  }
}
