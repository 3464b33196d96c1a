// What the interface costs, measured: `npm run figures` (part of `make bench`). Prints a table and fails on nothing: a
// figure is a figure. Goals stand beside the figures; docs/benchmarks.md keeps what was measured where.
import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { launch } from '../../scripts/chromium.mjs'
import { startPlatform } from './platform.mjs'

const SESSIONS = 50
const WATCHED_MS = Number(process.env.WATCHED_S ?? 60) * 1_000
const HOUR_EVENTS = Number(process.env.HOUR_EVENTS ?? 180_000)
const FIRST_PAINTS = 7
const rows = []
const report = (what, figure, goal) => {
  rows.push([what, figure, goal])
  console.log(`${what}: ${figure}${goal ? ` (goal ${goal})` : ''}`)
}
const quantile = (values, q) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]

console.log(spawnSync('node', ['scripts/size.mjs'], { encoding: 'utf8' }).stdout.trim())
const platform = await startPlatform({ projects: 24, rush: SESSIONS })
const browser = await launch({ args: ['--no-sandbox', '--disable-gpu', '--enable-precise-memory-info'] })
try {
  await firstPaint()
  await wall()
} finally {
  await browser.close()
  await platform.stop()
}

/** The hall on a cold cache, the processor slowed down fourfold: first paint, and the largest. */
async function firstPaint() {
  const first = []
  const largest = []
  for (let i = 0; i < FIRST_PAINTS; i++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const page = await context.newPage()
    const debug = await context.newCDPSession(page)
    await debug.send('Network.setCacheDisabled', { cacheDisabled: true })
    await debug.send('Emulation.setCPUThrottlingRate', { rate: 4 })
    await page.addInitScript(() => {
      new PerformanceObserver((list) => (globalThis.largest = list.getEntries().at(-1).startTime)).observe({
        type: 'largest-contentful-paint',
        buffered: true,
      })
    })
    await page.goto(platform.url)
    await page.waitForSelector('#main a[href*="/lots/"]')
    await page.waitForTimeout(1_000)
    first.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime))
    largest.push(await page.evaluate(() => globalThis.largest))
    await context.close()
  }
  report('hall, first contentful paint, cold cache, 4× CPU throttling, median', `${quantile(first, 0.5).toFixed(0)} ms`)
  report('hall, largest contentful paint, same', `${quantile(largest, 0.5).toFixed(0)} ms`)
}

/** The wall with all sessions: from an entry's stamp to the frame that shows it, frames a second, memory. */
async function wall() {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } })
  const page = await context.newPage()
  const debug = await context.newCDPSession(page)
  const feed = await tap(page)
  await page.addInitScript(watchFrames)
  await page.goto(`${platform.url}/sign-in`)
  await page.fill('input[autocomplete=username]', 'supervisor')
  await page.fill('input[autocomplete=current-password]', platform.password)
  await page.click('form button[type=submit]')
  await page.waitForURL((url) => url.pathname !== '/sign-in')
  await page.goto(`${platform.url}/floor`)
  await page.waitForFunction((n) => document.querySelectorAll('.tile').length >= n, SESSIONS, { timeout: 180_000 })
  for (const layout of ['wall', 'one']) {
    await page
      .locator('.colh .seg button')
      .nth(layout === 'wall' ? 1 : 0)
      .click()
    await page.waitForTimeout(2_000)
    await page.evaluate(() => globalThis.figures.start())
    await page.waitForTimeout(WATCHED_MS)
    const seen = await page.evaluate(() => globalThis.figures.stop())
    const name = layout === 'wall' ? 'all sessions' : 'one session large'
    report(`wall (${name}), sessions`, `${await page.locator('.tile').count()}`)
    report(`wall (${name}), entries a second`, (seen.lags.length / (WATCHED_MS / 1_000)).toFixed(1))
    report(`wall (${name}), frames a second`, (seen.frames / (seen.ms / 1_000)).toFixed(1), '≥ 50')
    report(`wall (${name}), frames later than 50 ms`, `${((100 * seen.late) / seen.frames).toFixed(2)} %`)
    report(`wall (${name}), entry's stamp to pixel, p50`, `${quantile(seen.lags, 0.5).toFixed(0)} ms`)
    report(`wall (${name}), entry's stamp to pixel, p99`, `${quantile(seen.lags, 0.99).toFixed(0)} ms`, '≤ 250 ms')
  }
  const heap = async () => {
    await debug.send('HeapProfiler.collectGarbage')
    const nodes = await page.evaluate(() => document.getElementsByTagName('*').length)
    const bytes = await page.evaluate(() => performance.memory.usedJSHeapSize)
    return { megabytes: bytes / 1e6, nodes }
  }
  const before = await heap()
  const samples = []
  const quarter = HOUR_EVENTS / 4
  for (let i = 0; i < 4; i++) {
    await feed.forge(quarter)
    samples.push(await heap())
  }
  report(
    `memory: before, and after each quarter of ${HOUR_EVENTS.toLocaleString('en-US')} further entries (an hour at 50/s)`,
    [before, ...samples].map((s) => `${s.megabytes.toFixed(1)} MB`).join(', '),
    'no growth',
  )
  report('elements of the page, the same moments', [before, ...samples].map((s) => s.nodes).join(', '))
  await context.close()
}

/** In the page: when each entry came (its own stamp) and when the first frame after its tile changed was drawn. */
function watchFrames() {
  const stamps = new Map()
  globalThis.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given)
      this.addEventListener('message', ({ data }) => {
        // Outside a run nothing is kept: what this page remembers would count as the interface's memory.
        if (!run) return
        const { entry } = JSON.parse(data)
        if (!entry) return
        const { seq, time } = JSON.parse(entry.leaf)
        stamps.set(seq, Date.parse(time))
      })
    }
  }
  const now = () => performance.timeOrigin + performance.now()
  let run = null
  const observer = new MutationObserver((changes) => {
    const shown = new Set()
    for (const { target } of changes) {
      const found = /#([\d,]+)/.exec(target.textContent)
      if (found) shown.add(Number(found[1].replaceAll(',', '')))
    }
    if (shown.size === 0 || !run) return
    // The change is made in a frame's own callback; what runs after the next one starts has been drawn.
    const channel = new MessageChannel()
    requestAnimationFrame(() => {
      channel.port1.onmessage = () => {
        for (const seq of shown) {
          const stamp = stamps.get(seq)
          if (stamp !== undefined && stamp >= run.from) run.lags.push(now() - stamp)
          stamps.delete(seq)
        }
      }
      channel.port2.postMessage(null)
    })
  })
  globalThis.figures = {
    start() {
      stamps.clear()
      run = { from: now(), lags: [], frames: 0, late: 0, last: 0 }
      observer.observe(document.querySelector('.col.left .wall'), {
        subtree: true,
        characterData: true,
        childList: true,
      })
      const frame = (at) => {
        if (!run) return
        run.frames++
        if (run.last && at - run.last > 50) run.late++
        run.last = at
        requestAnimationFrame(frame)
      }
      requestAnimationFrame(frame)
    },
    stop() {
      const { lags, frames, late, from } = run
      run = null
      observer.disconnect()
      return { lags, frames, late, ms: now() - from }
    },
  }
}

/** Stands between page and server; `forge` goes on with entries of its own making, each linked to the one before, as fast
 *  as the page takes them: an hour's worth without waiting an hour. */
async function tap(page) {
  let toPage = null
  let last = null
  let acked = -1
  let forging = false
  const lots = new Map()
  const leafHash = (leaf) =>
    createHash('sha256')
      .update(Buffer.from([0]))
      .update(leaf)
      .digest('base64')
  await page.routeWebSocket('**/api/v1/live', (socket) => {
    const server = socket.connectToServer()
    toPage = socket
    server.onMessage((text) => {
      if (forging) return
      const { entry } = JSON.parse(text)
      if (entry) {
        last = entry.leaf
        const payload = entry.payload && JSON.parse(entry.payload)
        if (payload?.kind === 'auction.bid_accepted') lots.set(payload.subject, BigInt(payload.data.amount))
      }
      socket.send(text)
    })
    socket.onMessage((text) => {
      acked = Math.max(acked, JSON.parse(text).ack ?? -1)
      if (!forging) server.send(text)
    })
  })
  async function forge(count) {
    forging = true
    const subjects = [...lots.keys()]
    const first = JSON.parse(last)
    let seq = first.seq
    const end = seq + count
    while (seq < end) {
      const batch = Math.min(end, seq + 64)
      for (; seq < batch;) {
        const subject = subjects[seq % subjects.length]
        const amount = lots.get(subject) + 1_000_000n
        lots.set(subject, amount)
        const payload = `{"actor":"bidder/${1 + (seq % 2)}","data":{"amount":"${amount}","statement":"x"},"kind":"auction.bid_accepted","salt":"AAAAAAAAAAAAAAAAAAAAAA","subject":"${subject}"}`
        const before = JSON.parse(last)
        seq++
        const time = new Date(Math.max(Date.now(), Date.parse(before.time))).toISOString().replace('Z', '999Z')
        const digest = createHash('sha256').update(payload).digest('base64')
        last = `{"ledger":"${before.ledger}","payload":"${digest}","prev":"${leafHash(last)}","seq":${seq},"time":"${time}","v":1}`
        toPage.send(JSON.stringify({ entry: { seq, leaf: last, payload } }))
      }
      // Not further ahead than a server would be.
      for (const deadline = Date.now() + 60_000; acked < seq - 256;) {
        if (Date.now() > deadline) throw new Error(`the page stopped at #${acked} of #${seq}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
  }
  return { forge }
}
