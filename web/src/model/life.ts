/** A lot's life as the steps of a timeline. */
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
