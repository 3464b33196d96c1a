// Journeys through the real interface, served by the real binary, in a real Chromium. Conditions are waited for, never
// times. `npm run test:browser`; the binary must hold a built interface.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { startPlatform } from './platform.mjs'

const PATIENCE = 60_000
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
let platform
let browser

before(async () => {
  platform = await startPlatform()
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: flags,
  })
})

after(async () => {
  await browser?.close()
  await platform?.stop()
})

/** A fresh visitor. Anything that the page complains of (a blocked script, a failed request, an exception) fails the journey. */
async function visitor({ width = 1440, height = 900, locale = 'zh-CN' } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    timezoneId: 'Asia/Shanghai',
    bypassCSP: false,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE)
  const faults = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  await page.addInitScript((chosen) => localStorage.setItem('mingjian.locale', chosen), locale)
  return { page, faults, leave: () => context.close() }
}

const json = async (path) => (await fetch(platform.url + path)).json()

async function signIn(page, login) {
  await page.goto(`${platform.url}/sign-in`)
  await page.fill('input[autocomplete=username]', login)
  await page.fill('input[autocomplete=current-password]', platform.password)
  await page.click('form button[type=submit]')
  await page.waitForURL((url) => url.pathname !== '/sign-in')
}

/** WCAG 2.2 A and AA by axe-core, put in through the debugger: the page's own policy would rightly refuse it. */
async function accessible(page) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }),
  )
  assert.deepEqual(
    violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`),
    [],
  )
}

test('anybody sees what runs now, in both languages, on a desk and on a phone', async () => {
  for (const [locale, width] of [
    ['zh-CN', 1440],
    ['en', 390],
  ]) {
    const { page, faults, leave } = await visitor({ locale, width })
    await page.goto(platform.url)
    await page.waitForSelector('#main a[href*="/lots/"]')
    assert.equal(await page.evaluate(() => document.documentElement.lang), locale)
    const beyond = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    assert.ok(beyond <= 0, `${beyond} px wider than the screen`)
    await accessible(page)
    assert.deepEqual(faults, [])
    await leave()
  }
})

test('a visitor verifies a finished lot in the own browser, step by step', async () => {
  const { items } = await json('/api/v1/lots?phase=archived&limit=1')
  const { page, faults, leave } = await visitor()
  await page.goto(`${platform.url}/verify?lot=${items[0].id}`)
  await page.waitForSelector('.verdict.ok, .verdict.bad, .said.bad')
  assert.equal(await page.locator('.verdict.ok').count(), 1, await page.locator('#main').innerText())
  assert.equal(await page.locator('.steps li.bad').count(), 0)
  assert.ok((await page.locator('.steps li.ok').count()) >= 4)
  await accessible(page)
  assert.deepEqual(faults, [])
  await leave()
})

test('a finished lot tells its life and names its winner', async () => {
  const { items } = await json('/api/v1/lots?phase=archived&limit=1')
  const lot = await json(`/api/v1/lots/${items[0].id}`)
  const { page, faults, leave } = await visitor()
  await page.goto(`${platform.url}/lots/${items[0].id}`)
  await page.getByText(lot.title).first().waitFor()
  await page.getByText(lot.award.company).first().waitFor()
  await accessible(page)
  assert.deepEqual(faults, [])
  await leave()
})

/** An invented company's unified social credit code with its check character (GB 32100-2015, weights 3^i modulo 31). */
function creditCode(body) {
  const letters = '0123456789ABCDEFGHJKLMNPQRTUWXY'
  let [sum, weight] = [0, 1]
  for (const letter of body) {
    sum += letters.indexOf(letter) * weight
    weight = (weight * 3) % 31
  }
  return body + letters[(31 - (sum % 31)) % 31]
}

test('a company signs itself up: the form says what is wrong, then leads to its keys', async () => {
  const { page, faults, leave } = await visitor()
  await page.goto(`${platform.url}/sign-up`)
  await page.waitForSelector('#main form')
  await accessible(page)
  const right = creditCode('91330299MA2JOURNE'.replace('O', '0'))
  const wrong = right.slice(0, -1) + (right.endsWith('0') ? '1' : '0')
  const fields = [
    '明江市新来建设有限公司',
    wrong,
    '王小明',
    'newcomer',
    'correct horse battery',
    'correct horse battery',
  ]
  for (const [place, text] of fields.entries()) await page.locator('#main form input').nth(place).fill(text)
  await page.click('#main form button[type=submit]')
  await page.getByText('信用代码位数或校验码不对').waitFor()
  await page.locator('#main form input').nth(1).fill(right)
  await page.click('#main form button[type=submit]')
  await page.waitForURL((url) => url.pathname === '/keys')
  await page.waitForSelector('#main h1, #main h2')
  await accessible(page)
  assert.deepEqual(faults, [])
  await leave()
})

test('a wrong password is refused in words, and the page stays', async () => {
  const { page, leave } = await visitor()
  await page.goto(`${platform.url}/sign-in`)
  await page.fill('input[autocomplete=username]', 'supervisor')
  await page.fill('input[autocomplete=current-password]', 'certainly not this')
  await page.click('form button[type=submit]')
  await page.getByText('账号、口令或动态码不正确').waitFor()
  assert.equal(new URL(page.url()).pathname, '/sign-in')
  await leave()
})

test('the supervisor sees a bid within moments of its entry', async () => {
  const { page, faults, leave } = await visitor({ width: 1920, height: 1080 })
  await signIn(page, 'supervisor')
  await page.goto(`${platform.url}/floor`)
  const before = (await json('/api/v1/ledgers')).items[0].size
  // The demonstration's bidders go on by themselves; the floor shows the entry that comes next.
  await page.waitForFunction(
    (size) => {
      const shown = [...document.body.innerText.matchAll(/#([\d,]+)/g)].map((found) =>
        Number(found[1].replaceAll(',', '')),
      )
      return shown.some((seq) => seq >= size)
    },
    before,
    { timeout: 120_000 },
  )
  await accessible(page)
  assert.deepEqual(faults, [])
  await leave()
})
