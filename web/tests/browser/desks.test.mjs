// The desks: a supervisor who sees each entry and orders a pause, the centre that answers, a reviewer whose screen names
// the entry of which a byte was changed in the database, a company that objects, a session that ends.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join as path } from 'node:path'
import { test } from 'node:test'
import { enrol } from './bidders.mjs'
import { binary } from './platform.mjs'
import { accessible, endAllSessions, fits, stage } from './helpers.mjs'

const on = stage()
const lotNow = (lot) => on.json(`/api/v1/lots/${lot}`)
const entriesAfter = async (lot, seq) => {
  const after = seq < 0 ? '' : `&after=${seq}`
  return (await on.json(`/api/v1/entries?scope=lot/${lot}&limit=200${after}`)).entries
}

/** The form says that it is in the ledger; otherwise what it says instead. */
const inLedger = (page) =>
  page
    .locator('#order-form .good')
    .waitFor()
    .catch(async () => assert.fail(await page.locator('#order-form').innerText()))

test('the supervisor sees each entry with its link checked, orders a pause, and lifts it after the answer', async () => {
  const { page, faults, leave } = await on.visitor({ width: 1920, height: 1080 })
  await on.signIn(page, 'supervisor')
  await page.goto(`${on.platform.url}/floor`)
  // The demonstration's first auction opens by itself and comes to the wall by itself.
  const lot = on.platform.live[0]
  const { title, project } = await lotNow(lot)
  const tile = page.locator('.tile', { hasText: project.code }).first()
  await tile.waitFor({ timeout: 120_000 })
  await tile.click()
  await page.locator('.sess h2', { hasText: title }).waitFor()
  const from = (await on.json('/api/v1/ledgers')).items[0].size
  // Two entries of this lot come; each must stand in the tape, its link checked by this browser.
  let came = []
  for (const deadline = Date.now() + 90_000; came.length < 2 && Date.now() < deadline;) {
    await page.waitForTimeout(500)
    came = await entriesAfter(lot, from - 1)
  }
  assert.ok(came.length >= 2, 'the demonstration bids')
  for (const { seq } of came) {
    const row = page.locator('tbody tr', { has: page.getByText(`#${seq.toLocaleString('en-US')}`, { exact: true }) })
    await row.locator('.lk.ok').waitFor()
  }
  await accessible(page)

  // A note on one of them: an entry of its own, in the tape at once.
  await page.locator('tbody button.seq').first().click()
  const cited = Number((await page.locator('tbody button.seq[aria-pressed=true]').innerText()).replace(/\D/g, ''))
  await page.locator('#tab-note').click()
  await page.fill('#order-form textarea', '报价间隔与此前不同，留意。')
  await page.locator('#order-form button[type=submit]').click()
  await inLedger(page)
  await page.locator('tbody tr', { hasText: '报价间隔与此前不同' }).waitFor()
  const note = (await entriesAfter(lot, from - 1))
    .map((e) => JSON.parse(e.payload))
    .find((p) => p.kind === 'feedback.note_attached')
  assert.equal(note.data.entry, cited)
  assert.ok(note.actor.startsWith('supervisor/'))

  await page.locator('#tab-pause').click()
  await page.fill('#order-form textarea', '开标室音频中断，请先恢复再继续。')
  await page.fill('#order-form input[type=password]', on.platform.password)
  await page.locator('#order-form button[type=submit]').click()
  await inLedger(page)
  await page.locator('.tile.paused', { hasText: project.code }).waitFor()
  const stopped = await lotNow(lot)
  assert.deepEqual(
    stopped.suspended.holds.map((hold) => hold.by),
    ['order'],
  )

  const office = await on.visitor()
  await on.signIn(office.page, 'operator')
  await office.page.goto(`${on.platform.url}/office?tab=questions`)
  const card = office.page.locator('article.al', { hasText: '开标室音频中断' })
  await card.locator('.btn').first().click()
  await card.locator('textarea').fill('音频已恢复。')
  await card.locator('button[type=submit]').click()
  await card.getByText('音频已恢复。').waitFor()
  assert.deepEqual(office.faults, [])
  await office.leave()

  const order = page.locator('article.al', { hasText: '开标室音频中断' })
  await order.getByText('音频已恢复。').waitFor()
  await order.locator('.btn').first().click()
  await order.locator('textarea').fill('已恢复，可以继续。')
  await order.locator('button[type=submit]').click()
  await page.locator('.tile:not(.paused)', { hasText: project.code }).waitFor()
  const again = await lotNow(lot)
  assert.equal(again.suspended ?? null, null)
  const resumed = (await entriesAfter(lot, from - 1))
    .map((e) => JSON.parse(e.payload))
    .find((p) => p.kind === 'lot.resumed')
  assert.ok(resumed.data.credit > 0, 'the time that stood still is given back')
  assert.deepEqual(faults, [])
  await leave()
})

test('the floor says that a session ended, and leads to signing in', async () => {
  const { page, leave } = await on.visitor({ mayFail: ['status of 401', 'WebSocket'] })
  await on.signIn(page, 'supervisor')
  await page.goto(`${on.platform.url}/floor`)
  await page.locator('.tile').first().waitFor()
  await endAllSessions(page)
  // Rights are looked at again once a minute; the socket is then closed with the reason.
  await page.locator('.ended a[href*="sign-in"]').waitFor({ timeout: 90_000 })
  await leave()
})

test('the reviewer verifies a lot; after a byte is changed in the database the same screen names the entry', async () => {
  const { page, faults, leave } = await on.visitor({ width: 1600, height: 1000 })
  const { items } = await on.json('/api/v1/lots?phase=archived&limit=1')
  await on.signIn(page, 'reviewer')
  await page.goto(`${on.platform.url}/review/${items[0].id}`)
  const report = page.locator('.report')
  const verify = report.locator('aside .ph .btn.act')
  await verify.click()
  await report.locator('.sum b.ok').waitFor()
  assert.equal(await report.locator('li.held').count(), 5)
  await accessible(page)
  // A case: then the bundle, which a stranger's program finds whole.
  await page.locator('.trace .btn').click()
  await page.locator('.trace textarea').fill('群众举报，编号明纪举〔2026〕17号')
  await page.locator('.trace input[type=password]').fill(on.platform.password)
  await page.locator('.trace button[type=submit]').click()
  await page.locator('.bundle .no b').waitFor()
  const [bundle] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('.bundle button[type=submit]').click(),
  ])
  const caseFile = path(on.platform.data, bundle.suggestedFilename())
  await bundle.saveAs(caseFile)
  await page.locator('.bundle .good').waitFor()
  const checked = spawnSync(binary, ['verify', caseFile], { encoding: 'utf8' })
  assert.equal(checked.status, 0, checked.stdout + checked.stderr)
  await accessible(page)
  // What a bidder saw: at the last accepted bid its number leads, and any other does not.
  const bids = (await entriesAfter(items[0].id, -1)).filter((e) => e.payload?.includes('auction.bid_accepted'))
  const winner = JSON.parse(bids.at(-1).payload).actor.split('/')[1]
  await page.locator('.saw select').selectOption(winner)
  await page.locator('.saw .stand .jade').waitFor()
  for (const other of await page.locator('.saw option').evaluateAll((all) => all.map((o) => o.value)))
    if (other !== winner) {
      await page.locator('.saw select').selectOption(other)
      assert.equal(await page.locator('.saw .stand .jade').count(), 0, `${other} does not lead`)
    }
  // Everything by keyboard: the first entry, then five steps on.
  await page.locator('h2').first().click()
  await page.keyboard.press('Home')
  for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight')
  assert.match(await page.locator('.scrub').innerText(), /\b6 \/ /)
  await byKeyboard(page)

  const { seq } = bids.at(-1)
  const database = path(on.platform.data, 'ledger', 'main.sqlite')
  const sqlite = (sql) => {
    const done = spawnSync('sqlite3', ['-cmd', '.timeout 5000', database, sql], { encoding: 'utf8' })
    assert.equal(done.status, 0, done.stderr)
    return done.stdout.trim()
  }
  const payload = Buffer.from(sqlite(`SELECT hex(payload) FROM entry WHERE seq = ${seq}`), 'hex')
  // One bit of the second digit: still an amount, only another one.
  payload[payload.indexOf('"amount":"') + '"amount":"'.length + 1] ^= 1
  sqlite(`UPDATE entry SET payload = x'${payload.toString('hex')}' WHERE seq = ${seq}`)

  await page.reload()
  await verify.click()
  await report
    .locator('.sum b.bad')
    .waitFor()
    .catch(async () => assert.fail(await page.locator('#main').innerText()))
  const named = async (seqs) => {
    const faults = (await report.locator('.faults').allInnerTexts()).join('\n')
    for (const seq of seqs) assert.ok(faults.includes(`#${seq.toLocaleString('en-US')}`), `${faults} names #${seq}`)
  }
  await named([seq])

  // Another one is no longer readable at all: the rest is served, and both are named.
  const { seq: rotten } = bids.at(0)
  sqlite(`UPDATE entry SET payload = x'7b22' WHERE seq = ${rotten}`)
  await page.reload()
  await verify.click()
  await report.locator('.sum b.bad').waitFor()
  await named([rotten, seq])
  assert.deepEqual(faults, [])
  await leave()
})

/** The review desk without a mouse: Tab reaches everything in its order, and what has the focus is worked with the keys. */
async function byKeyboard(page) {
  const tabTo = async (wanted, what) => {
    for (let i = 0; i < 120; i++) {
      await page.keyboard.press('Tab')
      if (await page.evaluate((css) => document.activeElement.matches(css), wanted)) {
        // Whoever cannot see where they are is lost.
        const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
        assert.notEqual(ring, 'none', `the focus on ${what} can be seen`)
        return
      }
    }
    assert.fail(`Tab does not come to ${what}`)
  }
  const at = () => page.locator('.scrub').innerText()
  await page.locator('h2').first().click()
  await page.keyboard.press('Home')
  await page.keyboard.press('j')
  await page.keyboard.press('Shift+ArrowDown')
  assert.match(await at(), /\b12 \/ /)
  // The scrubber itself: the same keys, once each.
  await tabTo('.scrub input', 'the scrubber')
  await page.keyboard.press('ArrowRight')
  assert.match(await at(), /\b13 \/ /)
  await page.keyboard.press('Home')
  assert.match(await at(), /\b1 \/ /)
  // An entry of the list is chosen where it stands.
  await tabTo('.ev button[aria-current=false]', 'an entry')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement.getAttribute('aria-current') === 'true')
  // What a bidder saw at the end, another one by the arrows.
  await page.keyboard.press('End')
  await page.locator('.saw select').waitFor()
  const seen = await page.locator('.saw select').inputValue()
  await tabTo('.saw select', 'the bidder')
  await page.keyboard.press(
    seen === (await page.locator('.saw option').first().getAttribute('value')) ? 'ArrowDown' : 'ArrowUp',
  )
  assert.notEqual(await page.locator('.saw select').inputValue(), seen)
  await tabTo('.bundle button[type=submit]', 'the export')
  const [bundle] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')])
  assert.match(bundle.suggestedFilename(), /\.zip$/)
}

test('a company objects to a notice, the owner answers, and both stand on the lot for everyone', async () => {
  const { items } = await on.json('/api/v1/lots?phase=sign_up&limit=50')
  const lot = items.find((l) => !on.platform.visitors.includes(l.id))
  // Whoever takes no part in a lot is told «not found» of a part in it.
  const company = await on.visitor({ mayFail: ['status of 404'] })
  await enrol(company.page, on.platform.url, {
    company: '明江市异议人有限公司',
    code: '91330299MA2BJECT1',
    person: '孙三',
    login: 'objector',
  })
  await company.page.goto(`${on.platform.url}/lots/${lot.id}`)
  const panel = company.page.locator('section.objections')
  await panel.locator('h2 .btn').click()
  await panel.locator('form button[type=submit]').click()
  await panel.locator('form .bad').waitFor()
  await panel.locator('textarea').fill('资格条件限定了特定区域，请予更正。')
  await panel.locator('form button[type=submit]').click()
  await panel
    .locator('.thread .text', { hasText: '资格条件' })
    .waitFor({ timeout: 15_000 })
    .catch(async () => assert.fail(await panel.innerText()))
  await accessible(company.page)
  await fits(company.page)

  const supervisor = await on.visitor()
  await on.signIn(supervisor.page, 'supervisor')
  await supervisor.page.goto(`${on.platform.url}/floor`)
  await supervisor.page.locator('article.al', { hasText: lot.title }).waitFor()
  await supervisor.leave()

  const centre = await on.visitor()
  await on.signIn(centre.page, 'operator')
  await centre.page.goto(`${on.platform.url}/office?tab=objections`)
  await centre.page.locator('article.al a', { hasText: lot.title }).waitFor()
  await accessible(centre.page)
  await centre.page.goto(`${on.platform.url}/lots/${lot.id}`)
  const thread = centre.page.locator('section.objections .thread')
  await thread.locator('.btn').first().click()
  await thread.locator('textarea').fill('经核实，已删除该限定。')
  await thread.locator('form button[type=submit]').click()
  await thread.locator('.text', { hasText: '已删除该限定' }).waitFor()
  assert.deepEqual(centre.faults, [])
  await centre.leave()

  const anybody = await on.visitor({ locale: 'en', width: 390 })
  await anybody.page.goto(`${on.platform.url}/lots/${lot.id}`)
  await anybody.page.locator('.thread .text', { hasText: '已删除该限定' }).waitFor()
  await fits(anybody.page)
  assert.deepEqual(anybody.faults, [])
  await anybody.leave()
  assert.deepEqual(company.faults, [])
  await company.leave()
})
