/** An objection with all that was said of it, put together from the lot's entries and from what the server says is due. */

import type { Schemas } from '@/api/client'
import { known, type Entry, type Ground } from '@/model/events'
import type { LotState } from '@/model/lot'
import type { Micros } from '@/lib/time'

export type ObjectionView = Schemas['ObjectionView']

export interface Step {
  seq: number
  time: Micros
  kind: string
  text: string
  /** The locale's key of what was decided, where something was. */
  verdict: 'upheld' | 'refuted' | 'admitted' | 'rejected' | null
  late: boolean
}

export interface Thread {
  view: ObjectionView
  steps: Step[]
}

const step = (entry: Entry, kind: string, text = '', verdict: Step['verdict'] = null, late = false): Step => ({
  seq: entry.seq,
  time: entry.time,
  kind,
  text,
  verdict,
  late,
})

/** What an entry adds to which objection; null when it is about something else, or not to be read here. */
function read(entry: Entry): { id: string; step: Step } | null {
  if (!entry.payload) return null
  const event = known(entry.payload)
  switch (event.kind) {
    case 'objection.received':
    case 'complaint.received':
      return { id: event.data.objection, step: step(entry, event.kind, event.data.text) }
    case 'objection.answered':
    case 'complaint.decided': {
      const verdict = event.data.upheld ? 'upheld' : 'refuted'
      return { id: event.data.objection, step: step(entry, event.kind, event.data.text, verdict, event.data.late) }
    }
    case 'complaint.admitted': {
      const verdict = event.data.admitted ? 'admitted' : 'rejected'
      return { id: event.data.objection, step: step(entry, event.kind, event.data.reason, verdict, event.data.late) }
    }
    case 'objection.overdue':
    case 'complaint.overdue':
    case 'complaint.hold_lapsed':
      return { id: event.data.objection, step: step(entry, event.kind) }
    default:
      return null
  }
}

/** The newest objection first; each with its steps in the order of the ledger. */
export function threads(entries: Entry[], views: ObjectionView[]): Thread[] {
  const steps = new Map<string, Step[]>()
  for (const entry of entries) {
    const found = read(entry)
    if (found) steps.set(found.id, [...(steps.get(found.id) ?? []), found.step])
  }
  return views
    .map((view) => ({ view, steps: steps.get(view.id) ?? [] }))
    .sort((a, b) => (b.steps[0]?.seq ?? 0) - (a.steps[0]?.seq ?? 0))
}

/** What may be objected to in this phase; the server has the last word on the day. */
export function groundsOf(lot: Pick<LotState, 'phase' | 'category'>): Ground[] {
  if (['noticed', 'sign_up', 'waiting'].includes(lot.phase)) return ['rules']
  if (lot.phase === 'running') return ['opening']
  if (lot.phase === 'publicity') return ['result']
  // 政府采购法实施条例 art. 53: in procurement for seven working days after the announcement.
  return lot.category === 'D' && ['awarded', 'contracted'].includes(lot.phase) ? ['result'] : []
}

export type Move = 'answer' | 'complain' | 'admit' | 'decide'

/** The step that this role may take next. */
export function moveOf(view: ObjectionView, role: string | undefined): Move | null {
  const { complaint } = view
  if (role === 'operator' || role === 'owner') return view.answered_at == null ? 'answer' : null
  if (role === 'bidder') return view.own && !complaint && (view.answered_at != null || view.overdue) ? 'complain' : null
  if (role !== 'supervisor' || !complaint) return null
  if (complaint.admitted == null) return 'admit'
  return complaint.admitted && !complaint.decided ? 'decide' : null
}

/** Until when somebody has to act, and whether that time has passed. */
export function dueOf(view: ObjectionView): { due: string; overdue: boolean } | null {
  if (view.answered_at == null) return { due: view.due, overdue: view.overdue }
  const { complaint } = view
  if (!complaint || complaint.decided || complaint.admitted === false) return null
  return { due: complaint.due, overdue: complaint.overdue }
}
