/** The list of notices: the server narrows and pages it; a slower, older answer never overwrites a newer one. */

import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { LoadError, source } from '@/api/source'
import type { BoxState } from '@/components/StateBox.vue'
import type { NoticeFilter, NoticeRow } from '@/model/views'

export const useNotices = defineStore('notices', () => {
  const items = shallowRef<NoticeRow[]>([])
  const state = ref<BoxState | 'ready'>('loading')
  const detail = ref<string>()
  const more = ref(false)
  const next = shallowRef<string | null>(null)
  let wanted: NoticeFilter = {}
  let round = 0

  async function fetchPage(after: string | null): Promise<void> {
    const mine = ++round
    try {
      const page = await source().notices(wanted, after)
      if (mine !== round) return
      items.value = after ? [...items.value, ...page.items] : page.items
      next.value = page.next
      state.value = 'ready'
    } catch (error) {
      if (mine !== round) return
      state.value = error instanceof LoadError ? error.state : 'error'
      detail.value = error instanceof LoadError ? error.detail : undefined
    } finally {
      if (mine === round) more.value = false
    }
  }

  function find(filter: NoticeFilter): Promise<void> {
    wanted = filter
    if (items.value.length === 0) state.value = 'loading'
    return fetchPage(null)
  }

  function loadMore(): Promise<void> {
    more.value = true
    return fetchPage(next.value)
  }

  return { items, state, detail, next, more, find, loadMore }
})
