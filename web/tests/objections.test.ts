import { describe, expect, it } from 'vitest'
import type { Entry } from '@/model/events'
import { dueOf, groundsOf, moveOf, threads, type ObjectionView } from '@/objections/threads'

const view = (change: Partial<ObjectionView> = {}): ObjectionView => ({
  id: 'O1',
  lot: 'L1',
  ground: 'rules',
  due: '2026-11-30T16:00:00.000000Z',
  open: true,
  own: false,
  answered_at: null,
  overdue: false,
  complaint: null,
  ...change,
})
const complaint = {
  due: '2026-12-08T16:00:00.000000Z',
  admitted: null,
  decided: false,
  overdue: false,
  hold_until: null,
}
const answered = '2026-11-27T01:00:00.000000Z'

function entry(seq: number, kind: string, data: object): Entry {
  const payload = { actor: 'system', data: { objection: 'O1', ...data }, kind, salt: '', subject: 'lot/L1' }
  return { seq, time: BigInt(seq), hash: '', payload } as unknown as Entry
}

describe('what was said of an objection', () => {
  it('stands in the order of the ledger, with verdicts and lateness', () => {
    const entries = [
      entry(7, 'objection.received', { text: '要求无依据', ground: 'rules' }),
      entry(8, 'objection.overdue', {}),
      entry(9, 'objection.answered', { text: '已核对', upheld: false, late: true }),
      entry(12, 'complaint.received', { text: '未回应' }),
      entry(14, 'complaint.admitted', { reason: '材料齐全', admitted: true, late: false }),
      entry(20, 'complaint.decided', { text: '驳回', upheld: false, late: false }),
    ]
    const [thread] = threads(entries, [view()])
    expect(thread!.steps.map((s) => [s.seq, s.verdict, s.late])).toEqual([
      [7, null, false],
      [8, null, false],
      [9, 'refuted', true],
      [12, null, false],
      [14, 'admitted', false],
      [20, 'refuted', false],
    ])
  })

  it('shows the newest objection first and those without readable words too', () => {
    const found = threads([entry(3, 'objection.received', { text: 'a' })], [view({ id: 'O2' }), view()])
    expect(found.map((t) => [t.view.id, t.steps.length])).toEqual([
      ['O1', 1],
      ['O2', 0],
    ])
  })
})

describe('who may do what next', () => {
  it.each([
    ['operator', view(), 'answer'],
    ['owner', view(), 'answer'],
    ['operator', view({ answered_at: answered }), null],
    ['bidder', view({ own: true }), null],
    ['bidder', view({ own: true, overdue: true }), 'complain'],
    ['bidder', view({ own: true, answered_at: answered }), 'complain'],
    ['bidder', view({ own: false, answered_at: answered }), null],
    ['bidder', view({ own: true, answered_at: answered, complaint }), null],
    ['supervisor', view(), null],
    ['supervisor', view({ complaint }), 'admit'],
    ['supervisor', view({ complaint: { ...complaint, admitted: true } }), 'decide'],
    ['supervisor', view({ complaint: { ...complaint, admitted: false } }), null],
    ['supervisor', view({ complaint: { ...complaint, admitted: true, decided: true } }), null],
    ['reviewer', view({ complaint }), null],
    [undefined, view(), null],
  ] as const)('%s, %o', (role, objection, move) => expect(moveOf(objection, role)).toBe(move))

  it.each([
    ['noticed', 'A', ['rules']],
    ['waiting', 'D', ['rules']],
    ['running', 'B', ['opening']],
    ['ranked', 'A', []],
    ['publicity', 'A', ['result']],
    ['awarded', 'A', []],
    ['awarded', 'D', ['result']],
    ['archived', 'D', []],
  ] as const)('in %s, category %s, one may object to %o', (phase, category, grounds) =>
    expect(groundsOf({ phase, category })).toEqual(grounds),
  )
})

describe('what is due', () => {
  it('is the answer, then the supervisor, then nothing', () => {
    expect(dueOf(view({ overdue: true }))).toEqual({ due: view().due, overdue: true })
    expect(dueOf(view({ answered_at: answered }))).toBeNull()
    expect(dueOf(view({ answered_at: answered, complaint }))).toEqual({ due: complaint.due, overdue: false })
    expect(dueOf(view({ answered_at: answered, complaint: { ...complaint, admitted: false } }))).toBeNull()
  })
})
