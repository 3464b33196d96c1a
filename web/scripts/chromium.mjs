// Debian's Chromium for the browser tests, the pictures and the measurements: one way to start it, one way to look at a page.
import { mkdtempSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const options = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
}

export const launch = (more = {}) => chromium.launch({ ...options, ...more })

/** With a profile of its own: IndexedDB and cookies outlive a page. */
export const launchWithProfile = (more = {}) =>
  chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'mingjian-browser-')), { ...options, ...more })

/** WCAG 2.2 A and AA by axe-core, put in through the debugger: the page's own policy would rightly refuse it. */
export async function violations(page) {
  await page.evaluate(axe)
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }),
  )
  const say = (node) => `${node.target.join(' ')} ${node.any[0]?.message ?? node.failureSummary ?? ''}`.slice(0, 190)
  return found.violations.map((v) => `${v.id} (${v.nodes.length}): ${v.nodes.slice(0, 3).map(say).join(' | ')}`)
}

/** How many pixels of the page lie beyond the screen's right edge. */
export const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
