// Pictures of the desks against a running server: `MINGJIAN=http://… node scripts/desk-shots.mjs OUT PASSWORD [screen …]`.
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [out = 'shots', password = '', ...only] = process.argv.slice(2)
const base = process.env.WEB ?? 'http://127.0.0.1:5173'
mkdirSync(out, { recursive: true })
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const lots = (await (await fetch(`${base}/api/v1/lots?phase=archived&limit=20`)).json()).items
const lot = process.env.LOT ?? lots.sort((a, b) => b.bids - a.bids)[0]?.id
const screens = [
  ['floor', 'supervisor', '/floor', 'dark', 1920],
  ['review', 'reviewer', `/review/${lot}`, 'light', 1440],
  ['find', 'reviewer', '/review', 'light', 1440],
  ['office', 'operator', '/office', 'light', 1440],
  ['wizard', 'operator', '/office?tab=new', 'light', 1440],
  ['owner', 'owner1', '/office', 'light', 1440],
  ['admin', 'sysadmin', '/admin', 'light', 1440],
  ['audit', 'auditadmin', '/admin?tab=events', 'light', 1440],
]
let faults = 0
for (const [name, login, path, theme, width] of screens) {
  if (only.length && !only.includes(name)) continue
  const browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'shots-')), {
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    timezoneId: 'Asia/Shanghai',
  })
  for (const [lang, w] of [
    ['zh-CN', width],
    ['en', width],
    ['zh-CN', 390],
  ]) {
    if (process.env.QUICK && w === 390) continue
    const page = await browser.newPage()
    await page.setViewportSize({ width: w, height: w === 390 ? 844 : w === 1920 ? 1080 : 900 })
    await page.addInitScript(
      ([t, l]) => {
        localStorage.setItem('mingjian.theme', t)
        localStorage.setItem('mingjian.locale', l)
      },
      [theme, lang],
    )
    const label = `${name}-${lang === 'en' ? 'en' : 'zh'}-${w}`
    page.on('console', (m) => {
      if (['error', 'warning'].includes(m.type())) {
        faults++
        console.log(label, m.text().slice(0, 300))
      }
    })
    page.on('pageerror', (e) => {
      faults++
      console.log(label, String(e).slice(0, 400))
    })
    await page.goto(`${base}/verify`)
    const signed = await page.evaluate(
      async ([l, p]) =>
        (
          await fetch('/api/v1/session', {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
            body: JSON.stringify({ login: l, password: p }),
          })
        ).status,
      [login, password],
    )
    if (signed !== 200) console.log(label, 'sign-in', signed)
    await page.goto(base + path)
    await page.waitForSelector('#main h2, #main h3', { state: 'attached', timeout: 25_000 }).catch(() => {
      faults++
      console.log(label, 'did not show')
    })
    await page.waitForTimeout(2500)
    if (name === 'review') {
      await page.click('.report .btn.act')
      await page.waitForSelector('.report .verdict >> nth=4')
      await page.waitForTimeout(9000)
      await page.keyboard.press('k')
      await page.keyboard.press('k')
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    if (wide > 0) {
      faults++
      console.log(label, `is ${wide} px wider than the screen`)
    }
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() =>
      globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }),
    )
    for (const v of violations) {
      faults++
      console.log(
        label,
        v.id,
        v.nodes.length,
        v.nodes
          .slice(0, 3)
          .map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? n.failureSummary ?? ''}`.slice(0, 200))
          .join(' | '),
      )
    }
    await page.screenshot({ path: join(out, `${label}.png`), fullPage: name !== 'floor' })
    await page.close()
  }
  await browser.close()
}
process.exitCode = faults ? 1 : 0
