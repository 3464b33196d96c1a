// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest'
import type { Schemas } from '@/api/client'
import { judge, meets } from '@/witness/cosigning'
import vectors from './vectors/ledger-vectors.json'

const note = vectors.checkpoint
const witness = vectors.keys.witness.verifier_key
const name = '行政监督局'
const policy = `witness ${name} ${witness}\ngroup 见证 1 ${name}\nquorum 见证\n`

function ledger(item: Partial<Schemas['WitnessItem']> = {}, more: Partial<Schemas['LedgerItem']> = {}) {
  const known = { name, verifier_key: witness, size: 5, cosigned_at: vectors.cosigned_at, in_trouble: false, ...item }
  const cosigning = { policy, required: 1, wait_seconds: 2, is_met: true, witnesses: [known] }
  return { name: 'main', origin: '', verifier_key: '', size: 5, cosigning, ...more } as Schemas['LedgerItem']
}

/** The note with its witness's line changed. */
function changed(line: (text: string) => string): string {
  const lines = note.split('\n')
  const place = lines.findIndex((text) => text.startsWith('— ') && !text.includes('/trade '))
  return lines.map((text, n) => (n === place ? line(text) : text)).join('\n')
}

describe('who has cosigned', () => {
  it('verifies the cosignature here, whatever the server says', async () => {
    const view = await judge(note, ledger({ size: null, cosigned_at: null, in_trouble: true }))
    expect(view.witnesses).toEqual([
      { name, key: witness, state: 'signed', at: vectors.cosigned_at * 1_000, behind: 0 },
    ])
    expect(view.met).toBe(true)
  })

  it('counts no line that does not hold, though the server says that all is well', async () => {
    const broken = changed((text) => text.slice(0, -8) + (text.at(-8) === 'A' ? 'B' : 'A') + text.slice(-7))
    const view = await judge(broken, ledger())
    expect(view.witnesses[0]!.state).toBe('broken')
    expect(view.met).toBe(false)
  })

  it('says how far a witness is behind, and which one is silent', async () => {
    const bare = note
      .split('\n')
      .filter((text) => !text.startsWith('— ') || text.includes('/trade '))
      .join('\n')
    const behind = await judge(bare, ledger({ size: 3 }, { size: 9 }))
    expect(behind.witnesses[0]).toMatchObject({ state: 'behind', behind: 2 })
    expect(behind).toMatchObject({ met: false, size: 5, head: 9 })
    const silent = await judge(bare, ledger({ size: null, cosigned_at: null }))
    expect(silent.witnesses[0]).toMatchObject({ state: 'silent', behind: null })
    expect((await judge(bare, ledger({ size: 3, in_trouble: true }))).witnesses[0]!.state).toBe('silent')
  })

  it('reads policies of groups of groups', () => {
    const groups = 'group X 2 a b c\ngroup Y any d e\n# note\ngroup Z all X Y\nquorum Z\n'
    const has = (names: string) => meets(groups, (name) => names.includes(name))
    expect([has('abd'), has('abcde'), has('ace')]).toEqual([true, true, true])
    expect([has(''), has('abc'), has('ade'), has('de')]).toEqual([false, false, false, false])
    expect(meets('quorum none\n', () => true)).toBeNull()
    expect(meets('quorum a\n', (name) => name === 'a')).toBe(true)
    expect(() => meets('group X 0 a\nquorum X\n', () => true)).toThrow()
    expect(() => meets('group X 1 X\nquorum X\n', () => true)).toThrow()
  })
})
