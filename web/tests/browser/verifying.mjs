// How long a browser takes to verify a ledger, with verify.html from a disk: part of `make figures`. Each size is a bundle of a
// simulated ledger, verified anew in a fresh page; the median of the rounds is printed. Fails only when one does not hold.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch } from '../../scripts/chromium.mjs'
import { binary } from './platform.mjs'

const ROUNDS = Number(process.env.ROUNDS ?? 5)
/** Projects of the simulated ledger and what its verification may take. 15,400 projects make a million entries. */
const SIZES = [
  { projects: 731, goal: '≤ 3 s' },
  { projects: Number(process.env.MANY_PROJECTS ?? 15_400), goal: null },
]
const PATIENCE = 600_000
const page_url = new URL('../../public/verify.html', import.meta.url).href

function run(...args) {
  const done = spawnSync(binary, args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${args.join(' ')}: ${done.stderr}${done.stdout}`)
}

const folder = mkdtempSync(join(tmpdir(), 'verifying-'))
const browser = await launch({ args: ['--no-sandbox', '--disable-gpu'] })
try {
  for (const { projects, goal } of SIZES) {
    const [data, file] = [join(folder, `${projects}`), join(folder, `${projects}.zip`)]
    run('simulate', '--projects', `${projects}`, '--seed', '20261123', '--data', data)
    run('export', '--data', data, '--out', file)
    rmSync(data, { recursive: true })
    const times = []
    let entries = ''
    for (let round = 0; round < ROUNDS; round++) {
      const context = await browser.newContext({ offline: true })
      const page = await context.newPage()
      // It speaks Chinese until it is told otherwise.
      await page.addInitScript(() => localStorage.setItem('mingjian.locale', 'en'))
      await page.goto(page_url)
      await page.setInputFiles('input[type=file]', file)
      await page.waitForSelector('.verdict.ok, .verdict.bad, [role=alert]', { timeout: PATIENCE })
      if ((await page.locator('.verdict.ok').count()) !== 1) throw new Error(await page.locator('#main').innerText())
      const value = (name) => page.locator(`dl > div:has(dt:text-is("${name}")) dd`).innerText()
      times.push(parseFloat(await value('Took')))
      entries = await value('Entries')
      await context.close()
    }
    const median = times.toSorted((a, b) => a - b)[times.length >> 1]
    console.log(
      `verify.html, ${entries} entries: ${median.toFixed(1)} s${goal ? ` (goal ${goal})` : ''}, of ${times.join(', ')}`,
    )
  }
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}
