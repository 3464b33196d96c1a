import { expect, it } from 'vitest'
import { announcedBy, Checker, nameOf, numberOf, type Announced, type Sight } from '@/evidence/footage'
import { ApiError } from '@/api/client'
import type { ReadEntry } from '@/verify'
import { sha256, toBase64, utf8 } from '@/lib/bytes'
import { parseTime } from '@/lib/time'

const bytes = (text: string) => utf8(text)
const digest = async (text: string) => toBase64(await sha256(bytes(text)))
const file = async (name: string, text: string, seq?: number): Promise<Sight['files'][number]> => ({
  name,
  sha256: await digest(text),
  from: '2026-11-23T04:05:06.000000Z',
  span: 2_000_000,
  ...(seq === undefined ? {} : { seq }),
})

/** All of these, announced in time. */
const inTime = (...digests: string[]): Announced => new Map(digests.map((d) => [d, 'in time']))

it('tells verified, waiting and altered footage apart', async () => {
  const files = [
    await file('R/init.mp4', 'init', 7),
    await file('R/00000000.m4s', 'one', 7),
    await file('R/00000001.m4s', 'two'),
  ]
  const entry = inTime(await digest('init'), await digest('one'))
  const checker = new Checker(files, async () => entry)
  expect(checker.worst).toBe(null)
  expect(await checker.check('R/init.mp4', bytes('init'))).toBe('verified')
  expect(await checker.check('R/00000000.m4s', bytes('one'))).toBe('verified')
  expect(checker.worst).toBe('verified')
  expect(await checker.check('R/00000001.m4s', bytes('two'))).toBe('waiting')
  expect(checker.worst).toBe('waiting')
  // A flipped byte, another segment's bytes, a file that nobody announced.
  expect(await checker.check('R/00000000.m4s', bytes('onf'))).toBe('mismatch')
  expect(await checker.check('R/00000000.m4s', bytes('two'))).toBe('mismatch')
  expect(await checker.check('R/00000009.m4s', bytes('one'))).toBe('mismatch')
  expect(checker.worst).toBe('mismatch')
})

it('names what is wrong, file by file', async () => {
  const files = [
    await file('R/init.mp4', 'init', 7),
    await file('R/00000000.m4s', 'one', 7),
    await file('R/00000001.m4s', 'two', 7),
    await file('R/00000002.m4s', 'three', 7),
    await file('R/00000003.m4s', 'four', 7),
  ]
  const announced = inTime(...(await Promise.all(['init', 'one', 'two', 'three', 'four'].map(digest))))
  const checker = new Checker(files, async () => announced)
  await checker.check('R/init.mp4', bytes('init'))
  await checker.check('R/00000000.m4s', bytes('two'))
  await checker.check('R/00000001.m4s', bytes('one'))
  await checker.check('R/00000002.m4s', bytes('made anew'))
  checker.gone('R/00000003.m4s')
  expect(checker.findings.map(({ name, verdict, instead }) => [numberOf(name), verdict, instead])).toEqual([
    [0, 'mismatch', 'R/00000001.m4s'],
    [1, 'mismatch', 'R/00000000.m4s'],
    [2, 'mismatch', null],
    [3, 'gone', null],
  ])
  expect(checker.worst).toBe('mismatch')
  expect(numberOf('R/init.mp4')).toBe(null)
})

it('believes no digest that the ledger does not have', async () => {
  const one = await digest('one')
  const checker = new Checker([await file('R/00000000.m4s', 'forged', 7)], async () => inTime(one))
  expect(await checker.check('R/00000000.m4s', bytes('forged'))).toBe('mismatch')
})

it('lets no footage pass that was made later', async () => {
  const late: Announced = new Map([[await digest('made at leisure'), 'late']])
  const checker = new Checker([await file('R/00000000.m4s', 'made at leisure', 7)], async () => late)
  expect(await checker.check('R/00000000.m4s', bytes('made at leisure'))).toBe('late')
  expect(checker.worst).toBe('late')
})

it('calls nothing verified that is not proven', async () => {
  const files = [await file('R/00000000.m4s', 'one', 7)]
  const broken = new Checker(files, async () => Promise.reject(new Error('the leaf is not in the tree at that place')))
  expect(await broken.check('R/00000000.m4s', bytes('one'))).toBe('waiting')
  const away = new Checker(files, async () => Promise.reject(new ApiError('offline', 0, null)))
  expect(await away.check('R/00000000.m4s', bytes('one'))).toBe('waiting')
})

it('asks again for what has come since', async () => {
  const digestOfThree = await digest('three')
  let seq: number | undefined
  const later = async () => [await file('R/00000002.m4s', 'three', seq)]
  const checker = new Checker([], async () => inTime(digestOfThree), later)
  expect(await checker.check('R/00000002.m4s', bytes('three'))).toBe('waiting')
  await checker.refresh()
  expect([checker.worst, checker.waiting]).toEqual(['waiting', 1])
  seq = 9
  await checker.refresh()
  expect([checker.worst, checker.waiting]).toEqual(['verified', 0])
})

it('reads the digests of an announcement, when they came, and of nothing else', async () => {
  const stretch = { init: 'I', from: '2026-11-23T04:05:06.000000Z', segments: [{ digest: 'A', span: 2_000_000 }] }
  const entry = (kind: string, seconds: bigint): ReadEntry =>
    ({
      payload: { kind, data: { gaps: [], stretches: [stretch] } },
      // 04:05:08 is when its pictures end.
      time: parseTime('2026-11-23T04:05:08.000000Z') + seconds * 1_000_000n,
    }) as unknown as ReadEntry
  const kind = 'evidence.segments_recorded'
  const proven = async () => {}
  expect(await announcedBy(7, async () => entry(kind, 180n), proven)).toEqual(inTime('I', 'A'))
  expect((await announcedBy(7, async () => entry(kind, 181n), proven)).get('A')).toBe('late')
  expect(await announcedBy(7, async () => entry('other', 0n), proven)).toEqual(new Map())
  const unproven = async () => Promise.reject(new Error('no'))
  await expect(announcedBy(7, async () => entry(kind, 0n), unproven)).rejects.toThrow('no')
  expect(nameOf('https://x/api/v1/viewings/V/R/00000002.m4s?x=1')).toBe('R/00000002.m4s')
})
