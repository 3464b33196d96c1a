import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readEntry, type RawEntry, type ReadEntry } from '@/verify'
import { neighbours, statementsOf } from '@/model/verify'

const vectors = JSON.parse(readFileSync(new URL('../vectors/ledger-vectors.json', import.meta.url), 'utf8'))
const origin = 'ledger.mingjiang.example/trade'
const raws: RawEntry[] = vectors.entries.map((e: { leaf: string; payload: string }, seq: number) => ({
  seq,
  leaf: e.leaf,
  payload: e.payload,
}))
const read = (list: RawEntry[]): Promise<ReadEntry[]> => Promise.all(list.map((raw) => readEntry(raw, origin)))

it('links neighbours by hash and counts the gaps', async () => {
  const entries = await read(raws)
  expect(await neighbours(entries)).toEqual({ linked: entries.length - 1, apart: 0, broken: null })
  const without = entries.filter((e) => e.seq !== 1)
  expect(await neighbours(without)).toMatchObject({ linked: entries.length - 3, apart: 1, broken: null })
})

it('names the entry whose predecessor is another', async () => {
  const entries = await read(raws)
  const forged = entries.map((e) =>
    e.seq === 1 ? { ...e, raw: { ...e.raw, leaf: e.raw.leaf.replace('"v":1', '"v":2') } } : e,
  )
  expect((await neighbours(forged)).broken).toBe(2)
})

it('does not believe a payload that is not the leaf’s; refuses another ledger, another place', async () => {
  const first = raws[0]!
  const other = await readEntry({ ...first, payload: first.payload!.replace(/.$/, ' }') }, origin)
  expect([other.payloadHolds, other.payload]).toEqual([false, null])
  await expect(readEntry(first, 'other/ledger')).rejects.toThrow('another')
  await expect(readEntry({ ...first, seq: 5 }, origin)).rejects.toThrow('another')
  const hidden = await readEntry({ ...first, payload: null }, origin)
  expect([hidden.payloadHolds, hidden.payload]).toEqual([null, null])
})

it('finds a bid whose statement does not hold', async () => {
  const [entry] = await read(raws)
  const dealt = {
    ...entry!,
    seq: 1,
    payload: {
      kind: 'lot.number_dealt',
      subject: 'lot/L',
      actor: 'system',
      data: { number: 5, key: { crv: 'Ed25519', kty: 'OKP', x: 'AA' } },
    },
  } as unknown as ReadEntry
  const bid = {
    ...entry!,
    seq: 2,
    payload: {
      kind: 'auction.bid_accepted',
      subject: 'lot/L',
      actor: 'bidder/5',
      data: { amount: '1', statement: 'a.b.c' },
    },
  } as unknown as ReadEntry
  expect(await statementsOf([dealt, bid])).toMatchObject({ held: 0, broken: 2 })
})
