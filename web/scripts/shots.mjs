// Pictures of every screen, for looking at, from a running `mingjian serve --demo`:
// `WEB=http://… PASSWORD=… node scripts/shots.mjs OUT [screen …]`. `LOOK=light-zh-1440` picks one look; `QUICK=1` leaves
// axe out. Complains of what no screen may have.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch, overflow, violations } from './chromium.mjs'

const [out = 'shots', ...only] = process.argv.slice(2)
const base = process.env.WEB ?? 'http://127.0.0.1:8080'
mkdirSync(out, { recursive: true })
const lots = async (query) => (await (await fetch(`${base}/api/v1/lots?${query}`)).json()).items
const one = async (query) => (await lots(`${query}&limit=50`)).sort((a, b) => b.bids - a.bids)[0]?.id
const [running, archived, failed, signUp] = [
  await one('phase=running'),
  await one('phase=archived'),
  await one('phase=failed'),
  await one('phase=sign_up'),
]
const screens = [
  ['hall', '/'],
  ['lot', `/lots/${running}`],
  ['lot-over', `/lots/${archived}`],
  ['lot-failed', `/lots/${failed}`],
  ['lot-signup', `/lots/${signUp}`],
  ['lot-signup-bidder', `/lots/${signUp}`, 'bidder1'],
  ['room', `/lots/${running}/room`],
  ['notices', '/notices'],
  ['results', '/results'],
  ['statistics', '/statistics'],
  ['guide', '/guide'],
  ['accessibility', '/accessibility'],
  ['verify', '/verify'],
  ['verify-lot', `/verify?lot=${archived}`],
  ['verify-entry', '/verify?seq=1200'],
  ['sign-in', '/sign-in'],
  ['sign-up', '/sign-up'],
  ['keys', '/keys'],
  ['keys-bidder', '/keys', 'bidder1'],
  ['my', '/my'],
  ['my-bidder', '/my', 'bidder1'],
  ['missing', '/nowhere'],
  ['office', '/office', 'operator'],
  ['office-calendar', '/office?tab=calendar', 'operator'],
  ['office-lots', '/office?tab=lots', 'operator'],
  ['office-deposits', '/office?tab=deposits', 'operator'],
  ['office-questions', '/office?tab=questions', 'operator'],
  ['office-objections', '/office?tab=objections', 'operator'],
  ['office-owner', '/office', 'owner1'],
  ['wizard', '/office?tab=new', 'operator'],
  ['rooms', '/rooms', 'operator'],
  ['floor', '/floor', 'supervisor'],
  ['find', '/review', 'reviewer'],
  ['review', `/review/${archived}`, 'reviewer'],
  ['admin', '/admin', 'sysadmin'],
  ['admin-settings', '/admin?tab=settings', 'sysadmin'],
  ['admin-keys', '/admin?tab=keys', 'sysadmin'],
  ['admin-security', '/admin', 'secadmin'],
  ['admin-events', '/admin?tab=events', 'auditadmin'],
]
const looks = [
  ['light', 'zh-CN', 1440],
  ['dark', 'zh-CN', 1440],
  ['light', 'en', 1440],
  ['light', 'zh-CN', 390],
  ['dark', 'en', 390],
].filter(([theme, lang, width]) => !process.env.LOOK || process.env.LOOK === `${theme}-${lang.slice(0, 2)}-${width}`)
let faults = 0
const complain = (...words) => {
  faults++
  console.log(...words)
}
const browser = await launch()
const sessions = new Map()
async function sessionOf(login) {
  if (!sessions.has(login)) {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${base}/sign-in`)
    await page.fill('input[autocomplete=username]', login)
    await page.fill('input[autocomplete=current-password]', process.env.PASSWORD ?? '')
    await page.click('form button[type=submit]')
    await page.waitForURL((url) => url.pathname !== '/sign-in')
    sessions.set(login, await context.storageState())
    await context.close()
  }
  return sessions.get(login)
}

for (const [name, path, login] of screens) {
  if (only.length > 0 && !only.includes(name)) continue
  if (path.includes('undefined')) {
    complain(name, 'there is no such lot now')
    continue
  }
  for (const [theme, locale, width] of looks) {
    const label = `${name}-${theme}-${locale.slice(0, 2)}-${width}`
    const context = await browser.newContext({
      // The floor hangs on a wall.
      viewport:
        width === 390
          ? { width, height: 844 }
          : name === 'floor'
            ? { width: 1920, height: 1080 }
            : { width, height: 900 },
      timezoneId: 'Asia/Shanghai',
      ...(login ? { storageState: await sessionOf(login) } : {}),
    })
    await context.addInitScript(
      ([t, l]) => {
        localStorage.setItem('mingjian.theme', t)
        localStorage.setItem('mingjian.locale', l)
      },
      [theme, locale],
    )
    const page = await context.newPage()
    page.on('console', (m) => ['error', 'warning'].includes(m.type()) && complain(label, m.text().slice(0, 300)))
    page.on('pageerror', (e) => complain(label, String(e).slice(0, 300)))
    await page.goto(base + path)
    await page
      .waitForSelector('#main h1, #main h2', { state: 'attached', timeout: 30_000 })
      .catch(() => complain(label, 'did not show'))
    await page.waitForSelector('.box.loading', { state: 'detached', timeout: 30_000 }).catch(() => undefined)
    await page.waitForTimeout(/^(verify|floor|review)/.test(name) ? 2_500 : 700)
    const wide = await overflow(page)
    if (wide > 0) complain(label, `is ${wide} px wider than the screen`)
    if (!process.env.QUICK) for (const violation of await violations(page)) complain(label, violation)
    await page.screenshot({ path: join(out, `${label}.png`), fullPage: true })
    await context.close()
  }
}
await browser.close()
process.exitCode = faults > 0 ? 1 : 0
