import { describe, expect, it } from 'vitest'
import { standing } from '@/verify'
import { Log } from './log'

const log = new Log('a log')
const trust = log.trust()
const entries = Array.from({ length: 23 }, (_, i) => `entry ${i}`)
const kept = log.receipt(4, entries.slice(0, 9))
const honest = (older: number, newer: number) => Promise.resolve(log.consistency(older, entries.slice(0, newer)))

describe('a kept receipt against the newest checkpoint', () => {
  it('holds for as long as the log goes on from it', async () => {
    for (const size of [9, 10, 16, 17, 23])
      expect(await standing(kept, log.checkpoint(entries.slice(0, size)), honest, await trust)).toEqual({
        state: 'held',
        size,
      })
  })

  it('notices every entry that is lost, changed or put elsewhere, whatever proof the log gives', async () => {
    const without = entries.filter((_, i) => i !== 4)
    const swapped = [...entries]
    ;[swapped[2], swapped[3]] = [swapped[3]!, swapped[2]!]
    const changed = entries.map((e, i) => (i === 8 ? 'something else' : e))
    for (const other of [without, swapped, changed]) {
      const newest = log.checkpoint(other)
      const theirs = (older: number) => Promise.resolve(log.consistency(older, other))
      for (const ask of [
        theirs,
        honest,
        () => Promise.resolve([]),
        () => Promise.resolve(['x']),
        () => Promise.resolve(null),
      ]) {
        const found = await standing(kept, newest, ask, await trust)
        expect(found.state).toBe('unproven')
        expect('shown' in found && found.shown?.checkpoint).toBe(newest)
      }
    }
  })

  it('is certain when the log signs two roots of one size', async () => {
    const other = entries.slice(0, 9).map((e, i) => (i === 0 ? 'other' : e))
    const found = await standing(kept, log.checkpoint(other), honest, await trust)
    expect(found.state).toBe('contradicted')
  })

  it('says that the log shows less than it signed', async () => {
    const found = await standing(kept, log.checkpoint(entries.slice(0, 5)), honest, await trust)
    expect(found).toMatchObject({ state: 'behind', size: 5 })
  })

  it('believes neither an unsigned head nor another key', async () => {
    const forged = new Log('another log')
    expect((await standing(kept, forged.checkpoint(entries), honest, await trust)).state).toBe('unproven')
    expect((await standing(kept, forged.checkpoint(entries), honest, await forged.trust())).state).toBe('unproven')
    const torn = log.checkpoint(entries).replace('\n23\n', '\n24\n')
    expect((await standing(kept, torn, honest, await trust)).state).toBe('unproven')
  })

  it('says nothing when nobody answers', async () => {
    const lost = () => Promise.reject(new TypeError('no network'))
    await expect(standing(kept, log.checkpoint(entries), lost, await trust)).rejects.toThrow('no network')
  })
})
