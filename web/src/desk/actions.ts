/** What the office and owners may do with a lot in its phase. The server decides; this spares a person the refusal. */

export interface Hold {
  by: 'office' | 'order' | 'outage' | 'objection' | 'complaint'
  id?: string
}
export interface DeskLot {
  id: string
  title: string
  phase: string
  suspended?: { holds: Hold[]; since?: string | null } | null
  publicity_until?: string | null
  reserve_due?: string | null
  /** What a publicity that starts now must keep to. */
  publicity_least?: { until: string; days: number; source: string } | null
  duty?: { duty: 'publicity' | 'contract'; due: string; overdue: boolean } | null
  award?: { number: number; price: string; company?: string | null } | null
  project: { id: string; code: string; owner: string; owner_name: string; title: string }
  ranking: { number: number; amount: string }[]
}

export type ActionName =
  'suspend' | 'resume' | 'terminate' | 'fail' | 'publicity' | 'award' | 'contract' | 'archive' | 'reserve'
/** Needs a recent proof of identity, and cannot be undone. */
export const GRAVE: readonly ActionName[] = ['terminate', 'fail', 'award']
export const WITH_REASON: readonly ActionName[] = ['suspend', 'resume', 'terminate', 'fail']
const BEFORE_CLOSE = ['noticed', 'sign_up', 'waiting', 'running']

export function actionsOf(lot: Pick<DeskLot, 'phase' | 'suspended'>, role: string): ActionName[] {
  const holds = lot.suspended?.holds ?? []
  if (role === 'owner') {
    const own: Record<string, ActionName[]> = { disclosing: ['reserve'], publicity: ['award'], awarded: ['contract'] }
    return own[lot.phase] ?? []
  }
  if (role !== 'operator') return []
  const may: ActionName[] = []
  if (holds.some((h) => h.by === 'office')) may.push('resume')
  if (BEFORE_CLOSE.includes(lot.phase)) {
    if (!holds.some((h) => h.by === 'office')) may.push('suspend')
    may.push('terminate')
  }
  if (lot.phase === 'ranked') may.push('publicity', 'fail')
  if (lot.phase === 'publicity' || lot.phase === 'awarded') may.push('fail')
  if (lot.phase === 'awarded') may.unshift('contract')
  if (lot.phase === 'contracted') may.push('archive')
  return may
}
