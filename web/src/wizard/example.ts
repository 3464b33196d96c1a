/** What the chosen parameters mean, worked through with figures: a first bid, the next one, the countdown, who is too few. */

import { formatMoney, percent, type Fen } from '@/lib/money'
import { clockText, type Micros } from '@/lib/time'
import { amount, momentOf, timedFrom, type LotDraft } from './draft'

type Say = (key: string, values?: Record<string, unknown>) => string
const BEIJING = 'Asia/Shanghai'
const LEAD_STEPS = 2n
/** A bid that late in the window shows what an extension is. */
const LAST_SECONDS = 20_000_000n

export function example(lot: LotDraft, say: Say): string[] {
  const [start, step, opens, timed] = [amount(lot.start), amount(lot.step), momentOf(lot.auction_opens), timedFrom(lot)]
  if (start === null || step === null || opens === null || timed === null) return []
  const wan = (fen: Fen) => formatMoney(fen, 'wan').digits
  const at = (time: Micros) => {
    const c = clockText(time, BEIJING)
    return `${c.date} ${c.time.slice(0, 5)}`
  }
  const sign = lot.method === 'descending' ? -1n : 1n
  const lead = start + sign * step * LEAD_STEPS
  const bounds = [lead + sign * step, lead + sign * step * BigInt(Math.max(1, lot.maxSteps))].sort((a, b) =>
    a < b ? -1 : 1,
  )
  const window = BigInt(Math.round(lot.window * 60_000_000))
  const bid = timed + window - LAST_SECONDS
  const lines = [
    say('desk.wiz.ex1', { start: wan(start), step: wan(step), n: lot.maxSteps }),
    say('desk.wiz.ex2', { lead: wan(lead), min: wan(bounds[0]!), max: wan(bounds[1]!) }),
    lot.method === 'listing'
      ? say('desk.wiz.ex3l', { open: at(opens), d: lot.quoting, c: lot.confirm, w: lot.window })
      : say('desk.wiz.ex3', { open: at(opens), free: lot.free, t0: at(timed), w: lot.window }),
    say('desk.wiz.ex4', { t1: clockText(bid, BEIJING).time, t2: clockText(bid + window, BEIJING).time }),
  ]
  const cap = amount(lot.cap)
  if (cap !== null) lines.push(say('desk.wiz.exCap', { cap: wan(cap) }))
  if (lot.reserve.trim()) lines.push(say('desk.wiz.exReserve', { n: lot.disclosure }))
  const estimate = amount(lot.estimate)
  if (estimate !== null)
    lines.push(say('desk.wiz.ex5', { n: lot.minBidders, p: percent(amount(lot.deposit) ?? 0n, estimate) }))
  return lines
}
