// What every journey needs: a platform and a browser for the file, visitors who notice every fault, signing in, axe.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before } from 'node:test'
import { chromium } from 'playwright-core'
import { startPlatform } from './platform.mjs'

/** How long a condition may take on a machine that does other things too, ms. */
export const PATIENCE = 60_000
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
export const LANGUAGES = ['zh-CN', 'en']
export const THEMES = ['light', 'dark']

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: flags })

/** Starts the platform before the file's journeys and stops it after. What it returns is filled once they begin. */
export function stage(options) {
  const on = { platform: null, browser: null }
  before(async () => {
    on.platform = await startPlatform(options)
    on.browser = await launch()
  })
  after(async () => {
    await on.browser?.close()
    await on.platform?.stop()
  })
  /** A fresh visitor. Anything that the page complains of (a blocked script, an exception, a failed request that the
   *  journey does not name in `mayFail`) is a fault of the journey. */
  on.visitor = async ({ width = 1440, height = 900, locale = 'zh-CN', theme = 'light', mayFail = [] } = {}) => {
    const context = await on.browser.newContext({
      viewport: { width, height },
      timezoneId: 'Asia/Shanghai',
      bypassCSP: false,
    })
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE)
    const faults = []
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      const expected = mayFail.some((status) => message.text().includes(`status of ${status}`))
      if (message.type() === 'error' && !expected) faults.push(message.text())
    })
    await page.addInitScript(
      ([language, look]) => {
        localStorage.setItem('mingjian.locale', language)
        localStorage.setItem('mingjian.theme', look)
      },
      [locale, theme],
    )
    return { page, faults, leave: () => context.close() }
  }
  on.json = async (path) => (await fetch(on.platform.url + path)).json()
  on.signIn = async (page, login) => {
    await page.goto(`${on.platform.url}/sign-in`)
    await page.fill('input[autocomplete=username]', login)
    await page.fill('input[autocomplete=current-password]', on.platform.password)
    await page.click('form button[type=submit]')
    await page.waitForURL((url) => url.pathname !== '/sign-in')
  }
  return on
}

/** WCAG 2.2 A and AA by axe-core, put in through the debugger: the page's own policy would rightly refuse it. */
export async function accessible(page, where = page.url()) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }),
  )
  assert.deepEqual(
    violations.map((v) => `${where} ${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`),
    [],
  )
}

/** No screen may be wider than the window. */
export async function fits(page) {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.ok(beyond <= 0, `${page.url()} is ${beyond} px wider than the screen`)
}

/** Goes through both languages and both themes by the page's own memory, and looks at each with axe. */
export async function accessibleInAllForms(page, ready) {
  for (const locale of LANGUAGES)
    for (const theme of THEMES) {
      await page.addInitScript(
        ([language, look]) => {
          localStorage.setItem('mingjian.locale', language)
          localStorage.setItem('mingjian.theme', look)
        },
        [locale, theme],
      )
      await page.reload()
      await page.waitForSelector(ready)
      assert.equal(await page.evaluate(() => document.documentElement.lang), locale)
      await accessible(page, `${new URL(page.url()).pathname} (${locale}, ${theme})`)
    }
}
