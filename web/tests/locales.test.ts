import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const src = fileURLToPath(new URL('../src', import.meta.url))
type Tree = { [key: string]: string | Tree }
/** The shell's phrases and those of screens that arrive later. */
const read = (name: string) =>
  ['', 'desk', 'guide', 'evidence', 'offline'].reduce<Tree>(
    (all, at) => ({ ...all, ...(JSON.parse(readFileSync(join(src, 'locales', at, name), 'utf8')) as Tree) }),
    {},
  )
const keys = (tree: Tree, at = ''): string[] =>
  Object.entries(tree).flatMap(([k, v]) => (typeof v === 'string' ? [at + k] : keys(v, `${at}${k}.`)))
const text = (tree: Tree, key: string) =>
  key.split('.').reduce<string | Tree>((t, k) => (t as Tree)[k]!, tree) as string

it('says everything in both languages, with the same values in it', () => {
  const [zh, en] = [read('zh-CN.json'), read('en.json')]
  expect(keys(en)).toEqual(keys(zh))
  for (const key of keys(zh)) {
    const slots = (t: string) => [...new Set(t.match(/\{\w+\}/g) ?? [])].sort()
    expect(slots(text(en, key)), key).toEqual(slots(text(zh, key)))
  }
})

it('has every phrase that a template names outright', () => {
  const known = new Set(keys(read('zh-CN.json')))
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((f) => /\.(vue|ts)$/.test(f))
  const missing = files.flatMap((file) => {
    const code = readFileSync(join(src, file), 'utf8')
    return [...code.matchAll(/\$?\bt\('([a-zA-Z0-9_.]+)'|keypath="([a-zA-Z0-9_.]+)"/g)]
      .map((m) => m[1] ?? m[2]!)
      .filter((k) => !known.has(k))
      .map((k) => `${file}: ${k}`)
  })
  expect(missing).toEqual([])
})
