// Every screen in both languages, light and dark, at a desk and on a phone: no axe-core finding, nothing wider than the
// window, no word that lacks its translation.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessible, choose, fits, LANGUAGES, stage, THEMES } from './helpers.mjs'

const lots = {}
const on = stage({ prepare: findLots })
async function findLots() {
  for (const phase of ['archived', 'running', 'sign_up', 'publicity', 'failed'])
    lots[phase] = (await on.json(`/api/v1/lots?phase=${phase}&limit=1`)).items[0]?.id
}

/** Who looks, at what; `ready` is on the page once it shows what it is for. */
const SCREENS = [
  [null, '/', '#main a[href*="/lots/"]'],
  [null, '/notices', '#main a[href*="/lots/"]'],
  [null, '/results', '#main a[href*="/lots/"]'],
  [null, '/statistics', '#main h2'],
  [null, '/guide', '#main h2'],
  [null, '/accessibility', '#main h2'],
  [null, '/verify', '.verdict.ok'],
  [null, '/sign-in', '#main form'],
  [null, '/sign-up', '#main form'],
  [null, '/nowhere', '#main'],
  [null, () => `/lots/${lots.archived}`, '#main h1'],
  [null, () => `/lots/${lots.sign_up}`, '#main h1'],
  [null, () => `/lots/${lots.running}/room`, '#main h1'],
  ['bidder1', '/my', '#main h1'],
  ['bidder1', '/keys', '#main h2'],
  ['owner1', '/office', '#main'],
  ['operator', '/office', '#main h2, #main h3'],
  ['operator', '/office?tab=calendar', '.calendar'],
  ['operator', '/office?tab=lots', '#main h2, #main h3'],
  ['operator', '/office?tab=deposits', '#main form'],
  ['operator', '/office?tab=questions', '#main'],
  ['operator', '/office?tab=objections', '#main .note, #main article'],
  ['operator', '/office?tab=new', '#main form, #main .steps'],
  ['supervisor', '/floor', '.tile'],
  ['operator', '/rooms', '#main h1, #main h2'],
  ['reviewer', '/review', '#main a[href*="/review/"]'],
  ['reviewer', () => `/review/${lots.archived}`, '.scrub'],
  ['sysadmin', '/admin', '#main h2'],
  ['sysadmin', '/admin?tab=settings', '.settings'],
  ['sysadmin', '/admin?tab=keys', '.keys'],
  ['secadmin', '/admin', '#main h2'],
  ['auditadmin', '/admin', '#main h2'],
]

for (const who of new Set(SCREENS.map(([login]) => login)))
  test(`${who ?? 'anybody'}: every screen, both languages, both themes, desk and phone`, async () => {
    const { page, faults, leave } = await on.visitor()
    if (who) await on.signIn(page, who)
    else await page.goto(on.platform.url)
    for (const [login, where, ready] of SCREENS) {
      if (login !== who) continue
      const path = typeof where === 'string' ? where : where()
      for (const locale of LANGUAGES)
        for (const theme of THEMES) {
          // The desk's width in one theme, the phone's in the other: every pair of language and theme is seen.
          await page.setViewportSize(theme === 'light' ? { width: 1440, height: 900 } : { width: 390, height: 844 })
          await choose(page, locale, theme)
          await page.goto(on.platform.url + path)
          await page.waitForSelector(ready)
          const name = `${path} (${locale}, ${theme})`
          assert.equal(await page.evaluate(() => document.documentElement.lang), locale, name)
          await accessible(page, name)
          await fits(page)
        }
    }
    assert.deepEqual(faults, [])
    await leave()
  })
