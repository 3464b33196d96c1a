/** An entry in a line of words, for tapes and lists. Words come as keys of the locale files, values as texts. */

import { i18n } from '@/i18n'
import { formatMoney, parseFen } from '@/lib/money'
import { clockText, parseTime } from '@/lib/time'
import { bidderOf, known, type Entry } from './events'
import { stepsNow, type LotState } from './lot'
import type { TapeRow } from './views'

type Words = Omit<TapeRow, 'skipped' | 'link' | 'cited'>

export function describe(entry: Entry, lot: LotState): Words {
  const t = i18n.global.t
  const base: Words = {
    seq: entry.seq,
    time: entry.time,
    hash: entry.hash,
    kind: 'sealed',
    actor: '',
    text: '',
    strong: '',
    tone: 'muted',
  }
  if (!entry.payload) return { ...base, text: t('tape.sealed') }
  const event = known(entry.payload)
  const number = bidderOf(event.actor)
  const actor = number !== null ? String(number) : t(`actor.${event.actor.split('/')[0]}`)
  const words: Words = { ...base, kind: event.kind, actor }
  const unit = (stepsNow(lot)?.step ?? 1_000_000n) % 1_000_000n === 0n ? 'wan' : 'yuan'
  const money = (amount: string) => `${formatMoney(parseFen(amount), unit).digits}`
  switch (event.kind) {
    case 'auction.bid_accepted': {
      const row = lot.bids.find((b) => b.seq === entry.seq)
      const steps = row?.steps != null ? t('history.steps', { n: `+${row.steps}` }, Number(row.steps)) : ''
      return { ...words, strong: money(event.data.amount), text: `${t(`unit.${unit}`)}  ${steps}`, tone: 'plain' }
    }
    case 'auction.bid_refused':
      return {
        ...words,
        text: `${money(event.data.amount)} ${t(`unit.${unit}`)}${t('punct.comma')}${t(`rule.${event.data.rule}`)}`,
        tone: 'warn',
      }
    case 'auction.extended':
    case 'auction.timed_period_started':
    case 'auction.opened':
      return { ...words, text: t('tape.until', { time: clockText(parseTime(event.data.until)).time }) }
    case 'lot.suspended':
    case 'lot.resumed':
      return { ...words, text: event.data.reason, tone: 'warn' }
    case 'feedback.question_raised':
      return { ...words, text: event.data.text, tone: 'note' }
    case 'feedback.note_attached': {
      const about = t('tape.about', { seq: event.data.entry.toLocaleString('en-US') })
      return { ...words, text: `${about} ${event.data.text}`, tone: 'note' }
    }
    case 'feedback.answered':
      return { ...words, text: event.data.text, tone: 'note' }
    case 'feedback.pause_ordered':
      return { ...words, text: event.data.reason, tone: 'warn' }
    case 'objection.received':
    case 'objection.answered':
    case 'complaint.received':
    case 'complaint.decided':
      return { ...words, text: event.data.text, tone: 'note' }
    case 'complaint.admitted':
      return { ...words, text: event.data.reason, tone: 'note' }
    case 'objection.overdue':
    case 'complaint.overdue':
    case 'lot.duty_overdue':
    case 'feedback.overdue':
      return { ...words, tone: 'warn' }
    case 'auction.closed':
      return { ...words, text: t('tape.closed', { n: event.data.ranking.length }), tone: 'plain' }
    default:
      return words
  }
}
