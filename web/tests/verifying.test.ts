import { expect, it, vi } from 'vitest'
import { FAULTS_LISTED_MAX, newVerification, verifyLot, type CheckName } from '@/desk/verify'
import { toBase64, utf8 } from '@/lib/bytes'
import { canonicalise, readEntry, type RawEntry } from '@/verify'
import { hashOf, Log, ORIGIN, sha } from './verify/log'

/** The client takes its `fetch` when it is loaded. */
const server = vi.hoisted(() => {
  const server = { fetch: (_: Request | string): Promise<Response> => Promise.reject(new TypeError('no server')) }
  vi.stubGlobal('fetch', (input: Request | string) => server.fetch(input))
  return server
})

const LOT = '01JD9Z5T8Q3W6V2K4M7N0P1R2S'

const EVENT = { actor: 'system', data: {}, kind: 'lot.listed' }

/** A ledger of `count` entries of one lot, each payload to its leaf, each leaf on the one before. */
function ledgerOf(count: number, event = EVENT): RawEntry[] {
  const entries: RawEntry[] = []
  let prev = toBase64(new Uint8Array(32))
  for (let seq = 0; seq < count; seq++) {
    const subject = `lot/${LOT}`
    const payload = canonicalise({ ...event, salt: `${seq % 10}${'A'.repeat(21)}`, subject })
    const time = `2026-11-23T02:00:${String(seq % 60).padStart(2, '0')}.000000Z`
    const leaf = canonicalise({
      ledger: ORIGIN,
      payload: toBase64(sha(utf8(payload))),
      prev,
      seq,
      time: seq < 60 ? time : '2026-11-23T02:01:00.000000Z',
      v: 1,
    })
    entries.push({ seq, leaf, payload })
    prev = toBase64(hashOf(leaf))
  }
  return entries
}

/** A server of this ledger; what it says in passing may be broken, what it has signed is `sound`. */
function serve(sound: RawEntry[], told: RawEntry[], receiptOf = (seq: number) => seq) {
  const log = new Log('verifying')
  const leaves = sound.map((entry) => entry.leaf)
  const answer = (path: string, query: URLSearchParams): unknown => {
    if (path === '/api/v1/ledgers') return { items: [{ name: 'main', origin: ORIGIN, verifier_key: log.verifierKey }] }
    if (path === '/ledger/main/rotations') return { items: [] }
    if (path === '/ledger/main/checkpoint') return log.checkpoint(leaves)
    if (path === '/api/v1/entries') {
      const from = query.has('after') ? Number(query.get('after')) + 1 : 0
      return { entries: told.slice(from, from + 200), head: told.length - 1, next: null }
    }
    return log.receipt(receiptOf(Number(path.split('/').at(-1))), leaves).proof
  }
  server.fetch = async (input) => {
    const url = new URL(typeof input === 'string' ? input : input.url, 'http://localhost')
    const body = answer(url.pathname, url.searchParams)
    return typeof body === 'string' ? new Response(body) : Response.json(body)
  }
}

async function verified(told: RawEntry[]) {
  const run = newVerification()
  await verifyLot(run, LOT, await Promise.all(told.map((raw) => readEntry(raw, ORIGIN))))
  const check = (name: CheckName) => run.checks.find((c) => c.name === name)!
  const seqs = (name: CheckName) => check(name).faults.map((fault) => fault.seq)
  return { run, check, seqs }
}

it('holds where nothing is wrong', async () => {
  const sound = ledgerOf(9)
  serve(sound, sound)
  const { run } = await verified(sound)
  expect(run.checks.map((c) => [c.name, c.state, c.done, c.broken])).toEqual([
    ['checkpoint', 'held', 1, 0],
    ['payload', 'held', 9, 0],
    ['statements', 'held', 0, 0],
    ['inclusion', 'held', 9, 0],
    ['chain', 'held', 9, 0],
  ])
})

it('names every damaged entry, not the first alone, and still checks what lies behind it', async () => {
  const sound = ledgerOf(9)
  const told = sound.map((raw) => ({ ...raw }))
  told[2]!.payload = told[2]!.payload!.replace('lot.listed', 'lot.failed')
  Object.assign(told[5]!, { payload: null, withheld: 'entry_damaged' })
  told[8]!.payload = told[7]!.payload
  serve(sound, told, (seq) => (seq === 1 || seq === 6 ? 0 : seq))
  const { check, seqs } = await verified(told)
  expect(seqs('payload')).toEqual([2, 5, 8])
  expect(check('payload')).toMatchObject({ state: 'broken', broken: 3, done: 6, all: 9 })
  expect(check('payload').faults[1]!.detail).toBe('entry_damaged')
  expect(seqs('inclusion').sort()).toEqual([1, 6])
  expect(check('inclusion')).toMatchObject({ state: 'broken', done: 7 })
  expect(seqs('chain')).toEqual([2, 5, 8])
  expect(check('chain')).toMatchObject({ state: 'broken', done: 9, all: 9 })
})

it('names every bid whose statement is not good', async () => {
  const data = { amount: '100', statement: 'a.b.c' }
  const sound = ledgerOf(3, { actor: 'bidder/7', data, kind: 'auction.bid_accepted' })
  serve(sound, sound)
  const { check, seqs } = await verified(sound)
  expect(seqs('statements')).toEqual([0, 1, 2])
  expect(check('statements')).toMatchObject({ state: 'broken', done: 0, all: 3, broken: 3 })
})

it('lists so many and counts the rest', async () => {
  const sound = ledgerOf(FAULTS_LISTED_MAX + 7)
  const told = sound.map((raw) => ({ ...raw, payload: null, withheld: 'entry_damaged' }))
  serve(sound, told)
  const { check } = await verified(told)
  for (const name of ['payload', 'chain'] as const) {
    expect(check(name).faults).toHaveLength(FAULTS_LISTED_MAX)
    expect(check(name).broken).toBe(FAULTS_LISTED_MAX + 7)
  }
})

it('says where the chain of leaves itself breaks', async () => {
  const sound = ledgerOf(5)
  const told = sound.map((raw) => ({ ...raw }))
  told[3]!.leaf = told[3]!.leaf.replace('02:00:03', '02:00:04')
  serve(sound, told)
  const { check, seqs } = await verified(told)
  expect(seqs('inclusion')).toEqual([3])
  expect(seqs('chain')).toEqual([4])
  expect(check('chain').faults[0]!.detail).toContain('prev')
})

it('calls nothing broken that it could not look at', async () => {
  const sound = ledgerOf(3)
  server.fetch = () => Promise.reject(new TypeError('no network'))
  const { run } = await verified(sound)
  expect(run.checks.map((c) => [c.name, c.state])).toEqual([
    ['checkpoint', 'partial'],
    ['payload', 'held'],
    ['statements', 'held'],
    ['inclusion', 'partial'],
    ['chain', 'partial'],
  ])
})
