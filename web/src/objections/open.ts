/** Objections and complaints that wait for somebody, with the lots that they are about. */

import { shallowRef } from 'vue'
import { all, get } from '@/api/call'
import type { ObjectionView } from './threads'

export interface OpenObjection extends ObjectionView {
  title: string
}

const PAGE = 100
/** Waiting objections that one list shows; a year of this centre has some dozens in all. */
const OPEN_MAX = 500

export function useOpenObjections() {
  const list = shallowRef<OpenObjection[]>([])
  const titles = new Map<string, string>()

  /** `lots`: only those about these, as an owner has its own. */
  async function load(lots?: ReadonlySet<string>): Promise<void> {
    const found = await all<ObjectionView>(`/objections?pending=true&limit=${PAGE}`, OPEN_MAX / PAGE)
    const own = found.filter((o) => !lots || lots.has(o.lot))
    for (const id of new Set(own.map((o) => o.lot)))
      if (!titles.has(id)) titles.set(id, (await get<{ title: string }>(`/lots/${id}`)).title)
    // What is due first stands first.
    list.value = own
      .map((o) => ({ ...o, title: titles.get(o.lot)! }))
      .sort((a, b) => (dueText(a) < dueText(b) ? -1 : 1))
  }

  return { list, load }
}

/** RFC 3339 in one zone sorts as text. */
const dueText = (o: ObjectionView): string => o.complaint?.due ?? o.due
