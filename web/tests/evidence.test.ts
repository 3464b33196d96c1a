import { expect, it } from 'vitest'
import { announcedBy, Checker, nameOf, type Sight } from '@/evidence/footage'
import { sha256, toBase64, utf8 } from '@/lib/bytes'

const bytes = (text: string) => utf8(text)
const digest = async (text: string) => toBase64(await sha256(bytes(text)))
const file = async (name: string, text: string, seq?: number): Promise<Sight['files'][number]> => ({
  name,
  sha256: await digest(text),
  from: '2026-11-23T04:05:06.000000Z',
  span: 2_000_000,
  ...(seq === undefined ? {} : { seq }),
})

it('tells verified, waiting and altered footage apart', async () => {
  const files = [
    await file('R/init.mp4', 'init', 7),
    await file('R/00000000.m4s', 'one', 7),
    await file('R/00000001.m4s', 'two'),
  ]
  const entry = new Set([await digest('init'), await digest('one')])
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

it('believes no digest that the ledger does not have', async () => {
  const checker = new Checker([await file('R/00000000.m4s', 'forged', 7)], async () => new Set([await digest('one')]))
  expect(await checker.check('R/00000000.m4s', bytes('forged'))).toBe('mismatch')
})

it('asks again for what has come since', async () => {
  const later = [await file('R/00000002.m4s', 'three')]
  const checker = new Checker(
    [],
    async () => new Set(),
    async () => later,
  )
  expect(await checker.check('R/00000002.m4s', bytes('three'))).toBe('waiting')
})

it('reads the digests of an announcement, and of nothing else', async () => {
  const payload = {
    kind: 'evidence.segments_recorded',
    data: { gaps: [], stretches: [{ init: 'I', segments: [{ digest: 'A' }] }] },
  }
  expect(await announcedBy(7, async () => JSON.stringify(payload))).toEqual(new Set(['I', 'A']))
  expect(await announcedBy(7, async () => JSON.stringify({ ...payload, kind: 'other' }))).toEqual(new Set())
  expect(nameOf('https://x/api/v1/viewings/V/R/00000002.m4s?x=1')).toBe('R/00000002.m4s')
})
