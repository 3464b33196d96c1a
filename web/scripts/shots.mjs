// Pictures of every screen, for looking at: `node scripts/shots.mjs OUT [screen …]`. Starts Vite with the fixtures.
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { createServer } from 'vite'

const [out = 'shots', ...only] = process.argv.slice(2)
mkdirSync(out, { recursive: true })
const server = await createServer({ server: { port: 0, host: '127.0.0.1' }, logLevel: 'error' })
await server.listen()
const base = `http://127.0.0.1:${server.httpServer.address().port}`
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const LOT = '01M5BD51M0V4K9Q2XTHC7RNW3E'
const screens = { hall: '/', lot: `/lots/${LOT}`, room: `/lots/${LOT}/room`, floor: '/floor', review: '/review/1' }
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'shots-')), {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: flags,
  timezoneId: 'Asia/Shanghai',
})
let faults = 0
for (const [name, path] of Object.entries(screens)) {
  if (only.length > 0 && !only.some((o) => o.startsWith(name))) continue
  for (const [theme, lang, width] of [
    ['light', 'zh-CN', 1440],
    ['dark', 'zh-CN', 1440],
    ['light', 'en', 1440],
    ['light', 'zh-CN', 390],
    ['dark', 'en', 390],
    ['dark', 'zh-CN', 1920],
  ]) {
    if ((width === 1920) !== (name === 'floor' && theme === 'dark' && width === 1920) && width === 1920) continue
    const label = `${name}-${theme}-${lang === 'en' ? 'en' : 'zh'}-${width}`
    if (only.length > 0 && !only.some((o) => label.startsWith(o))) continue
    const page = await browser.newPage()
    await page.setViewportSize({ width, height: width === 390 ? 844 : width === 1920 ? 1080 : 900 })
    await page.addInitScript(
      ([t, l]) => {
        localStorage.setItem('mingjian.theme', t)
        localStorage.setItem('mingjian.locale', l)
      },
      [theme, lang],
    )
    page.on('console', (m) => {
      if (['error', 'warning'].includes(m.type())) {
        faults++
        console.log(label, m.text().slice(0, 300))
      }
    })
    page.on('pageerror', (e) => {
      faults++
      console.log(label, String(e).slice(0, 300))
    })
    await page.goto(`${base}${path}?fixtures`)
    await page.waitForSelector('#main h2', { state: 'attached', timeout: 30_000 }).catch(() => {
      faults++
      console.log(label, 'did not show')
    })
    await page.waitForTimeout(350)
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
          .map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? n.failureSummary ?? ''}`.slice(0, 190))
          .join(' | '),
      )
    }
    await page.screenshot({ path: join(out, `${label}.png`), fullPage: true })
    if (name === 'room' && width === 390) {
      await page.click('.dock .go')
      await page.waitForTimeout(350)
      await page.screenshot({ path: join(out, `${label}-sheet.png`) })
    }
    await page.close()
  }
}
await browser.close()
await server.close()
process.exitCode = faults > 0 ? 1 : 0
