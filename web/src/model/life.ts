/** A lot's life as the steps of a timeline. */
import type { Micros } from '@/lib/time'
import type { LotState, Phase } from './lot'

export interface LifeStep {
  label: string
  state: 'done' | 'now' | 'later'
}

const ORDER: Phase[] = [
  'draft',
  'noticed',
  'sign_up',
  'waiting',
  'running',
  'disclosing',
  'ranked',
  'publicity',
  'awarded',
  'contracted',
  'archived',
]

export function lifeSteps(lot: LotState): LifeStep[] {
  const listing = lot.rules?.method.name === 'listing'
  const steps: { label: string; from: number; to: number }[] = [
    { label: 'life.notice', from: 1, to: 1 },
    { label: 'life.signUp', from: 2, to: 3 },
    ...(listing ? [{ label: 'life.quoting', from: 4, to: 4 }] : []),
    { label: 'life.timed', from: 4, to: 4 },
    { label: 'life.result', from: 5, to: 6 },
    { label: 'life.publicity', from: 7, to: 10 },
  ]
  const at = ORDER.indexOf(lot.phase)
  return steps.map(({ label, from, to }) => {
    let state: LifeStep['state'] = at > to ? 'done' : at < from ? 'later' : 'now'
    if (at === 4 && listing && label === 'life.quoting' && lot.stage === 'timed') state = 'done'
    if (at === 4 && listing && label === 'life.timed' && lot.stage !== 'timed') state = 'later'
    return { label, state }
  })
}

export interface LifeEvent {
  /** A phrase of the locale files. */
  label: string
  values?: Record<string, string | number>
  time: Micros
  /** Null for what stands on no entry of its own. */
  seq: number | null
  note?: string
  tone: 'step' | 'stop' | 'over'
}

/** Everything that moved the lot, oldest first: phases, standstills with their reasons. */
export function lifeEvents(lot: LotState): LifeEvent[] {
  const events: LifeEvent[] = Object.entries(lot.milestones).map(([phase, at]) => ({
    label: `phase.${phase}`,
    time: at.time,
    seq: at.seq,
    tone: phase === 'failed' || phase === 'terminated' ? 'over' : 'step',
  }))
  for (const pause of lot.pauses) {
    events.push({ label: 'life.stopped', time: pause.from, seq: pause.seq, note: pause.reason, tone: 'stop' })
    if (pause.to !== null) events.push({ label: 'life.resumed', time: pause.to, seq: pause.resumedSeq, tone: 'stop' })
  }
  return events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : (a.seq ?? 0) - (b.seq ?? 0)))
}
