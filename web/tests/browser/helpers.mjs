// What every journey needs: a platform and a browser for the file, visitors who notice every fault, signing in, axe.
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { launch, overflow, violations } from '../../scripts/chromium.mjs'
import { startPlatform } from './platform.mjs'

/** How long a condition may take on a machine that does other things too, ms. */
export const PATIENCE = 60_000
export const LANGUAGES = ['zh-CN', 'en']
export const THEMES = ['light', 'dark']
const VERIFIER = new URL('../../public/verify.html', import.meta.url).href

/** Starts the platform before the file's journeys, and stops it after. What it returns is filled once they begin;
 *  `prepare` is the part that the journeys have in common. */
export function stage({ prepare, ...options } = {}) {
  const on = { platform: null, browser: null }
  before(async () => {
    on.platform = await startPlatform(options)
    on.browser = await launch()
    await prepare?.()
  })
  after(async () => {
    await on.browser?.close()
    await on.platform?.stop()
  })
  /** A fresh visitor. Anything that the page complains of (a blocked script, an exception, a failed request that the
   *  journey does not name in `mayFail`, such as `status of 401`) is a fault of the journey. */
  on.visitor = async ({
    width = 1440,
    height = 900,
    locale = 'zh-CN',
    theme = 'light',
    zone = 'Asia/Shanghai',
    mayFail = [],
  } = {}) => {
    const context = await on.browser.newContext({
      viewport: { width, height },
      timezoneId: zone,
      bypassCSP: false,
    })
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE)
    const faults = []
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      const expected = mayFail.some((why) => message.text().includes(why))
      if (message.type() === 'error' && !expected) faults.push(message.text())
    })
    await page.addInitScript(
      ([language, look]) => {
        // Once: what the visitor chooses later stays.
        if (localStorage.getItem('mingjian.locale')) return
        localStorage.setItem('mingjian.locale', language)
        localStorage.setItem('mingjian.theme', look)
      },
      [locale, theme],
    )
    // Chromium's offline mode leaves open sockets alone; this is how they are cut.
    const sockets = new Set()
    let isCut = false
    await page.routeWebSocket('**/api/v1/live', (socket) => {
      if (isCut) return void socket.close({ code: 1001 })
      sockets.add(socket)
      socket.onClose(() => sockets.delete(socket))
      socket.connectToServer()
    })
    /** Closes the sockets, and every new one until `mend`. */
    const cut = async () => {
      isCut = true
      await context.setOffline(true)
      await Promise.all([...sockets].map((socket) => socket.close({ code: 1001 })))
    }
    const mend = async () => {
      isCut = false
      await context.setOffline(false)
    }
    return { page, context, faults, cut, mend, leave: () => context.close() }
  }
  /** The offline verifier from the disk with the network off; whatever it asks for beyond itself is a fault. */
  on.offline = async (options = {}) => {
    const visit = await on.visitor(options)
    await visit.page.context().setOffline(true)
    visit.page.on('request', (request) => {
      const url = request.url()
      if (url !== VERIFIER && !/^(blob|data):/.test(url)) visit.faults.push(`asked for ${url}`)
    })
    await visit.page.goto(VERIFIER)
    return { ...visit, give: (...files) => visit.page.setInputFiles('input[type=file]', files) }
  }
  on.json = async (path) => (await fetch(on.platform.url + path)).json()
  on.signIn = async (page, login, password = on.platform.password) => {
    await page.goto(`${on.platform.url}/sign-in`)
    await page.fill('input[autocomplete=username]', login)
    await page.fill('input[autocomplete=current-password]', password)
    await page.click('form button[type=submit]')
    await page.waitForURL((url) => url.pathname !== '/sign-in')
  }
  return on
}

/** WCAG 2.2 A and AA by axe-core. */
export async function accessible(page, where = page.url()) {
  assert.deepEqual(await violations(page), [], where)
}

/** No screen may be wider than the window. */
export async function fits(page) {
  const beyond = await overflow(page)
  assert.ok(beyond <= 0, `${page.url()} is ${beyond} px wider than the screen`)
}

/** Chooses language and theme for all that this visitor opens from now on. */
export const choose = (page, locale, theme) =>
  page.evaluate(
    ([language, look]) => {
      localStorage.setItem('mingjian.locale', language)
      localStorage.setItem('mingjian.theme', look)
    },
    [locale, theme],
  )

/** Ends all sessions of whoever is signed in here, as one would from another device. */
export async function endAllSessions(page) {
  const status = await page.evaluate(async () => {
    const { csrf } = await (await fetch('/api/v1/session')).json()
    const headers = { 'X-CSRF-Token': csrf, 'Idempotency-Key': crypto.randomUUID() }
    return (await fetch('/api/v1/session/all', { method: 'DELETE', headers })).status
  })
  assert.equal(Math.floor(status / 100), 2, `ending the sessions answers ${status}`)
}
