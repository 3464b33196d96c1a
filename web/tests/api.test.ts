// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { deliver, pendingOf, type Accepted, type Courier, type Pending } from '@/api/bids'
import { ApiError, call } from '@/api/client'
import { noticeOf, resultOf, yearView } from '@/api/server'
import { linkState, markChecked } from '@/api/trust'
import { i18n } from '@/i18n'
import { fromBase64Url, fromUtf8 } from '@/lib/bytes'
import { isCreditCode } from '@/lib/credit'
import type { KeyStorage } from '@/lib/keys'
import { signConfirmation, signKeyBinding, uuidV7 } from '@/verify'
import { parseTime } from '@/lib/time'

beforeEach(() => setActivePinia(createPinia()))

function memory(): KeyStorage {
  const map = new Map<string, unknown>()
  return {
    get: async (id) => map.get(id),
    put: async (id, value) => void map.set(id, value),
    entries: async () => [...map],
  }
}

const pending: Pending = { kind: 'bid', lot: 'L', amount: 5n, statement: 'a.b.c' }
const accepted: Accepted = { seq: 7, time: '2026-11-23T07:42:07.000000Z', replayed: false }
const problem = (code: string, status: number) =>
  new ApiError(code, status, { type: '/p', title: '标题', title_en: 'Title', status, code, seq: 9 })

/** Answers the attempts one after the other. */
function courier(storage: KeyStorage, answers: (Accepted | Error)[]): Courier & { sent: string[] } {
  const sent: string[] = []
  return {
    sent,
    storage,
    wait: async () => {},
    post: async ({ statement }) => {
      sent.push(statement)
      const answer = answers[sent.length - 1]!
      if (answer instanceof Error) throw answer
      return answer
    },
  }
}

describe('a signed statement', () => {
  it('goes out again, the same bytes, until there is an answer', async () => {
    const storage = memory()
    const post = courier(storage, [
      new ApiError('offline', 0, null),
      problem('outcome_unknown', 503),
      problem('rate_limited', 429),
      { ...accepted, replayed: true },
    ])
    expect(await deliver(pending, post)).toEqual({ name: 'accepted', ...accepted, replayed: true })
    expect(post.sent).toEqual(Array(4).fill('a.b.c'))
    expect(await pendingOf(storage, 'L')).toBeNull()
  })

  it('is not sent again after a refusal, which names its entry', async () => {
    const post = courier(memory(), [problem('not_better', 409)])
    const outcome = await deliver(pending, post)
    expect(outcome).toMatchObject({ name: 'refused', error: { code: 'not_better', seq: 9 } })
    expect(post.sent).toHaveLength(1)
  })

  it('is still there after a reload when nobody answered', async () => {
    const storage = memory()
    const post = courier(storage, [new ApiError('offline', 0, null)])
    await expect(deliver(pending, { ...post, stopped: () => true })).rejects.toThrow()
    expect(await pendingOf(storage, 'L')).toEqual(pending)
  })
})

describe('refusals', () => {
  it('speak the viewer’s language', () => {
    const error = problem('not_better', 409)
    i18n.global.locale.value = 'en'
    expect(error.words).toBe('Title')
    i18n.global.locale.value = 'zh-CN'
    expect(error.words).toBe('标题')
  })

  it.each([
    ['a problem', { response: new Response(null, { status: 409 }), error: problem('x', 409).problem }, 'x', 409],
    ['no problem document', { response: new Response(null, { status: 502 }), error: '<html>' }, 'http_502', 502],
  ])('come as errors: %s', async (_name, answer, code, status) => {
    await expect(call(Promise.resolve(answer))).rejects.toMatchObject({ code, status })
  })

  it('say offline when there was no answer', async () => {
    await expect(call(Promise.reject(new TypeError('fetch')))).rejects.toMatchObject({
      code: 'offline',
      status: 0,
      words: null,
    })
  })
})

it('signs confirmations and key bindings under their own types, in canonical form', async () => {
  const sign = vi.fn(async () => new Uint8Array(64))
  const issuedAt = parseTime('2026-11-23T07:42:07.000000Z')
  const parts = (jws: string) =>
    jws
      .split('.')
      .slice(0, 2)
      .map((part) => fromUtf8(fromBase64Url(part)))
  const confirm = await signConfirmation(
    { issuedAt, ledger: 'o/t', lot: 'L', nonce: uuidV7(0, new Uint8Array(10)), number: 5 },
    'kid',
    sign,
  )
  expect(parts(confirm)).toEqual([
    '{"alg":"EdDSA","kid":"kid","typ":"mj-confirm+jws"}',
    '{"issued_at":"2026-11-23T07:42:07.000000Z","ledger":"o/t","lot":"L","nonce":"00000000-0000-7000-8000-000000000000","number":5}',
  ])
  const binding = await signKeyBinding(
    { issuedAt, key: { crv: 'Ed25519', kty: 'OKP', x: 'AA' }, ledger: 'o/t', lot: 'L' },
    'kid',
    sign,
  )
  expect(parts(binding)).toEqual([
    '{"alg":"EdDSA","kid":"kid","typ":"mj-lot-key+jws"}',
    '{"issued_at":"2026-11-23T07:42:07.000000Z","key":{"crv":"Ed25519","kty":"OKP","x":"AA"},"ledger":"o/t","lot":"L"}',
  ])
})

it.each([
  ['91350100M000100Y43', true],
  ['91350100M000100Y44', false],
  ['91350100M000100Y4', false],
  ['91350100M0001OOY43', false],
  ['', false],
])('knows the check character of %s', (code, good) => expect(isCreditCode(code)).toBe(good))

it('sums the year by category and month, what was saved and what was gained apart', () => {
  const month = (at: string, category: string, start: string, awarded: string) => ({
    month: at,
    category,
    lots: 1,
    projects: 1,
    start,
    awarded,
    estimate: start,
  })
  const year = yearView(
    {
      projects: 3,
      size: 42,
      awarded: '0',
      phases: [],
      months: [
        month('2026-01', 'A', '1000', '900'),
        month('2026-03', 'B', '1000', '1500'),
        month('2026-03', 'D', '200', '150'),
        month('2025-12', 'A', '7', '7'),
      ],
    },
    0,
  )
  expect(year).toMatchObject({
    year: 2026,
    amount: 2550n,
    saved: 150n,
    savedOf: 1200n,
    premium: 500n,
    premiumOver: 1000n,
    evidence: { from: 0, to: 41 },
  })
  expect(year.months[0]).toEqual({ A: 900n, B: 0n, C: 0n, D: 0n })
  expect(year.months[1]).toEqual({ A: 0n, B: 0n, C: 0n, D: 0n })
  expect(year.months[3]).toBeNull()
})

it('shows the rate in the direction of the method, and none where nothing was awarded', () => {
  const row = {
    id: 'L',
    project: 'P',
    code: 'C',
    category: 'D',
    method: 'descending',
    phase: 'awarded',
    suspended: false,
    title: 't',
    owner_name: 'o',
    place: 'p',
    bids: 1,
    refused: 0,
    ordered: false,
    start: '1000',
    price: '900',
  }
  expect(resultOf(row)).toMatchObject({ amount: 900n, rate: { kind: 'saving', text: '10.00%' } })
  expect(resultOf({ ...row, method: 'ascending', price: '1100' })).toMatchObject({
    rate: { kind: 'premium', text: '10.00%' },
  })
  expect(resultOf({ ...row, phase: 'failed' })).toMatchObject({ amount: null, rate: null })
  expect(noticeOf(row)).toMatchObject({ amount: 1000n, due: null, price: 900n })
})

it('joins a glyph only for what was checked here', () => {
  expect(linkState(123)).toBe('wait')
  markChecked(123, 'hash')
  expect(linkState(123)).toBe('ok')
})
