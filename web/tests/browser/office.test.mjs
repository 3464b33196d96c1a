// The offices: a notice from an empty form to the hall, and three administrators who each hold a part.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { enrol } from './bidders.mjs'
import { accessible, fits, stage } from './helpers.mjs'

const on = stage()

/** `days` from now in Beijing, as the form's fields have it. */
const day = (days, clock) =>
  `${new Date(Date.now() + days * 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 10)}T${clock}`

test('the centre publishes a notice: what the law forbids is named beside its field, then the lot stands in the hall', async () => {
  // The computer stands elsewhere: what is filled in and shown is the centre's time all the same.
  const { page, faults, leave } = await on.visitor({ zone: 'America/New_York', mayFail: ['status of 422'] })
  await on.signIn(page, 'operator')
  await page.goto(`${on.platform.url}/office?tab=new`)
  const field = (label) => page.locator('.wf', { hasText: label }).locator('input, select, textarea').first()
  const wrong = (label) => page.locator('.wf', { hasText: label }).locator('.bad')
  const next = () => page.locator('.btns .btn.act').click()
  await page.locator('.cat input[value=C]').check()
  await page.locator('.step button[type=submit]').click()
  await wrong('项目统一编码').waitFor()
  await wrong('项目名称').waitFor()
  await accessible(page)
  await field('项目统一编码').fill('330299-2026-90017')
  await field('委托方').selectOption({ index: 0 })
  await field('项目名称').fill('明江市老电影院三年租赁权')
  await page.locator('.step button[type=submit]').click()

  // The lot: full-width digits and 万元 are understood, what could be misread is refused, the deposit has its bound.
  await field('评估价').fill('120万元')
  await field('起始价').fill('１００万元')
  await page.locator('.wf', { hasText: '起始价' }).locator('.hint', { hasText: '100 万元' }).waitFor()
  await field('每档').fill('1,0000')
  await field('保证金').fill('50万')
  await next()
  await wrong('每档').waitFor()
  assert.match(await wrong('保证金').innerText(), /不超过评估价的 30%（.+）/)
  await accessible(page)
  await field('每档').fill('10,000.00')
  await field('保证金').fill('20 万元')
  await next()

  // The times: too short a notice is named with its source.
  await field('报名截止').fill(day(2, '17:00'))
  await field('保证金截止').fill(day(3, '17:00'))
  await field('竞价开始').fill(day(5, '09:30'))
  await next()
  assert.match(await wrong('竞价开始').innerText(), /不少于 10 日（.+）/)
  await accessible(page)
  await field('竞价开始').fill(day(12, '09:30'))
  await next()

  const preview = page.locator('.main')
  await preview.getByText('100 万元').first().waitFor()
  await preview.getByText('明江市老电影院三年租赁权').first().waitFor()
  // The rules worked through: a first bid, the next, the countdown, the extension.
  assert.ok((await page.locator('.ex li').count()) >= 4)
  assert.match(await page.locator('.ex').innerText(), /首个报价为 100 万元/)
  await accessible(page)
  await fits(page)
  await page.locator('.btns .btn.danger').click()
  await page.locator('.ready .good').waitFor()
  const lot = (await page.locator('.ready a').getAttribute('href')).split('/').at(-1)

  // In the calendar it has no room yet, and gets one.
  await page.goto(`${on.platform.url}/rooms`)
  const dialog = page.locator('dialog[open]')
  const inDialog = (label) => dialog.locator('.wf', { hasText: label }).locator('input')
  const send = dialog.locator('footer button[type=submit]')
  await page.locator('.head .btn', { hasText: '添加场所' }).click()
  await send.click()
  assert.equal(await dialog.locator('.wf .bad').count(), 2, 'what is missing is said before anything is sent')
  await accessible(page)
  await inDialog('名称').fill('洽谈三室')
  await inDialog('位置').fill('三层')
  await send.click()
  await dialog.waitFor({ state: 'detached' })
  const room = page.locator('.room', { hasText: '洽谈三室' })
  // Esc leaves a form, and the button that opened it has the focus again.
  await room.locator('button', { hasText: '添加摄像机' }).click()
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.match(await page.evaluate(() => document.activeElement.textContent), /添加摄像机/)
  await page.goto(`${on.platform.url}/office?tab=calendar`)
  const session = page.locator('.calendar li', { hasText: '明江市老电影院三年租赁权' })
  await session.locator('select').selectOption({ label: '洽谈三室' })
  await session.locator('button[type=submit]').click()
  await session.locator('.where b', { hasText: '洽谈三室' }).waitFor()
  await session.locator('.where', { hasText: '09:00–12:30' }).waitFor()
  await accessible(page)
  await fits(page)

  // The booking stands with its name in the room's list, is taken back, and made again from there by name.
  await page.goto(`${on.platform.url}/rooms`)
  const booking = room.locator('.booking', { hasText: '明江市老电影院三年租赁权' })
  await booking.locator('.span', { hasText: '09:00–12:30' }).waitFor()
  await booking.locator('button').click()
  await send.click()
  await booking.waitFor({ state: 'detached' })
  await room.locator('header button', { hasText: '预约' }).click()
  await dialog.locator('input[type=search]').fill('老电影院')
  await dialog.locator('input[type=radio]').check()
  assert.equal(await inDialog('自').inputValue(), day(12, '09:00'))
  await accessible(page)
  await send.click()
  await booking.locator('.span', { hasText: '09:00–12:30' }).waitFor()
  assert.equal(await page.getByText(/[0-9A-HJKMNP-TV-Z]{26}/).count(), 0, 'no number where a name belongs')
  await accessible(page)
  await fits(page)
  assert.deepEqual(faults, [])
  await leave()

  const anybody = await on.visitor({ locale: 'en', width: 390 })
  await anybody.page.goto(`${on.platform.url}/notices`)
  await anybody.page.locator(`#main a[href*="${lot}"]`).first().waitFor()
  await anybody.page.goto(`${on.platform.url}/lots/${lot}`)
  await anybody.page.getByText('明江市老电影院三年租赁权').first().waitFor()
  await fits(anybody.page)
  await accessible(anybody.page)
  assert.deepEqual(anybody.faults, [])
  await anybody.leave()
})

test('a deposit is confirmed by its reference alone, and the company holds a number', async () => {
  const { items } = await on.json('/api/v1/lots?phase=sign_up&limit=50')
  const lots = await Promise.all(items.map(({ id }) => on.json(`/api/v1/lots/${id}`)))
  const lot = lots.find(
    ({ id, rules }) =>
      !on.platform.visitors.includes(id) &&
      rules.deposit !== '0' &&
      Date.parse(rules.timetable.deposit_due) > Date.now() + 60_000,
  )
  const company = await on.visitor({ mayFail: ['status of 404'] })
  await enrol(company.page, on.platform.url, {
    company: '明江市缴款人有限公司',
    code: '91330299MA2PAYER1',
    person: '吴五',
    login: 'payer',
  })
  await company.page.goto(`${on.platform.url}/lots/${lot.id}`)
  await company.page.locator('.panel button.btn.act').first().click()
  const reference = await company.page.locator('.panel dl .mono').first().innerText()

  const { page, faults, leave } = await on.visitor({ mayFail: ['status of 4'] })
  await on.signIn(page, 'operator')
  await page.goto(`${on.platform.url}/office?tab=deposits`)
  const form = page.locator('form.dep')
  const pay = async (text) => {
    await form.locator('select').first().selectOption(lot.id)
    await form.locator('input').nth(0).fill(reference)
    await form.locator('input').nth(1).fill(text)
    await form.locator('button[type=submit]').click()
  }
  const fen = BigInt(lot.rules.deposit)
  await pay('一百万')
  await form.locator('.bad').first().waitFor()
  await pay(`${fen / 100n}.${String(fen % 100n).padStart(2, '0')}`)
  await form.locator('.good').waitFor()
  await accessible(page)
  await company.page.reload()
  await company.page.locator('.panel dl', { hasText: '已到账' }).waitFor()
  const mine = await company.page.evaluate(async (id) => (await fetch(`/api/v1/lots/${id}/mine`)).json(), lot.id)
  assert.equal(mine.deposit, 'held')
  assert.ok(mine.number > 0)
  assert.deepEqual(company.faults, [])
  await company.leave()

  // The same lot is suspended, goes on, and is terminated; each with its reason, which everybody reads.
  await page.goto(`${on.platform.url}/office?tab=lots`)
  await page.locator('.list button', { hasText: lot.project.code }).filter({ hasText: lot.title }).first().click()
  const acts = page.locator('.acts')
  await acts.locator('h2', { hasText: lot.title }).waitFor()
  const act = async (name, reason) => {
    await acts.locator('.btns .btn', { hasText: name }).click()
    const password = acts.locator('input[type=password]')
    if (await password.count()) await password.fill(on.platform.password)
    // Without a reason nothing is sent.
    await acts.locator('form button[type=submit]').click()
    await acts.locator('form .bad').waitFor()
    await acts.locator('textarea').fill(reason)
    await acts.locator('form button[type=submit]').click()
    await acts.locator('.good').waitFor()
  }
  await act('中止', '公告所附图纸有误，更正后恢复。')
  await acts.locator('b.amb').waitFor()
  await act('恢复', '图纸已更正。')
  await act('终止', '项目审批被撤回。')
  await accessible(page)
  assert.equal((await on.json(`/api/v1/lots/${lot.id}`)).phase, 'terminated')
  const { entries } = await on.json(`/api/v1/entries?scope=lot/${lot.id}&limit=200`)
  const said = entries
    .map((e) => JSON.parse(e.payload))
    .filter((p) => /^lot\.(suspended|resumed|terminated)$/.test(p.kind))
  assert.deepEqual(
    said.map((p) => p.data.reason),
    ['公告所附图纸有误，更正后恢复。', '图纸已更正。', '项目审批被撤回。'],
  )
  assert.deepEqual(faults, [])
  await leave()
})

test('a result is made public, confirmed by its owner, and its contract recorded', async () => {
  const view = (id) => on.json(`/api/v1/lots/${id}`)
  const first = async (phase, wanted) => {
    const { items } = await on.json(`/api/v1/lots?phase=${phase}&limit=50`)
    return items.find(wanted) ?? assert.fail(`no lot in ${phase} is as this journey needs it`)
  }
  const waits = await first('ranked', (lot) => lot.duty?.duty === 'publicity')
  const ripe = await first('publicity', (lot) => Date.parse(lot.publicity_until) < Date.now())

  // The centre: the list says by when the law wants it, and the form what the law asks of it.
  const office = await on.visitor({ mayFail: ['status of 4'] })
  await on.signIn(office.page, 'operator')
  const todo = (page, lot) => page.locator('.list button', { hasText: lot.title })
  await office.page.goto(`${on.platform.url}/office`)
  await todo(office.page, waits).locator('.r', { hasText: '前办理' }).waitFor()
  await todo(office.page, ripe).locator('.r', { hasText: '公示期满' }).waitFor()
  await todo(office.page, waits).click()
  const acts = (page) => page.locator('.acts')
  const choose = (page, name) => acts(page).locator('.btns > .btn', { hasText: name }).first().click()
  const send = (page) => acts(page).locator('form button[type=submit]').click()
  await choose(office.page, '发起公示')
  const until = acts(office.page).locator('input[type=datetime-local]')
  const least = await until.inputValue()
  await until.fill(day(1, '09:00'))
  await send(office.page)
  assert.match(await acts(office.page).locator('form .bad').innerText(), /不少于 3 日，不早于 .+（.+）/)
  await accessible(office.page)
  await until.fill(least)
  await send(office.page)
  await acts(office.page).locator('.good').waitFor()
  assert.equal((await view(waits.id)).phase, 'publicity')
  await todo(office.page, waits).locator('.r', { hasText: '公示至' }).waitFor()

  // The owner of the other one: its publicity is over. Only a fresh proof of identity confirms the result.
  const staff = await on.visitor()
  await on.signIn(staff.page, 'sysadmin')
  const login = await staff.page.evaluate(async (owner) => {
    const { items } = await (await fetch('/api/v1/accounts?limit=200')).json()
    return items.find((account) => account.role === 'owner' && account.name.startsWith(owner))?.login
  }, ripe.owner_name)
  await staff.leave()
  const owner = await on.visitor({ mayFail: ['status of 4'] })
  await on.signIn(owner.page, login ?? assert.fail(`nobody signs in for ${ripe.owner_name}`))
  await owner.page.goto(`${on.platform.url}/office`)
  await todo(owner.page, ripe).click()
  await choose(owner.page, '确认成交')
  const password = acts(owner.page).locator('input[type=password]')
  await password.fill('not the password')
  await send(owner.page)
  await acts(owner.page).locator('form .bad').waitFor()
  assert.equal((await view(ripe.id)).phase, 'publicity')
  await accessible(owner.page)
  await password.fill(on.platform.password)
  await send(owner.page)
  await acts(owner.page).locator('.good').waitFor()
  const { award, duty } = await view(ripe.id)
  await acts(owner.page).locator('dd', { hasText: award.company }).waitFor()
  assert.equal(duty.duty, 'contract')

  // The contract is due within thirty days; its file stays here, and its digest is recorded.
  await todo(owner.page, ripe).locator('.r', { hasText: '前办理' }).waitFor()
  await choose(owner.page, '登记合同')
  await send(owner.page)
  await acts(owner.page).locator('form .bad').waitFor()
  const contract = Buffer.from('明江市成交合同')
  const file = { name: '合同.pdf', mimeType: 'application/pdf', buffer: contract }
  await acts(owner.page).locator('input[type=file]').setInputFiles(file)
  await send(owner.page)
  await acts(owner.page).locator('.good').waitFor()
  await todo(owner.page, ripe).waitFor({ state: 'detached' })
  const { entries } = await on.json(`/api/v1/entries?scope=lot/${ripe.id}&limit=200`)
  const recorded = entries.map((e) => e.payload && JSON.parse(e.payload)).find((p) => p?.kind === 'lot.contracted')
  assert.equal(recorded.data.sha256, createHash('sha256').update(contract).digest('base64'))
  assert.deepEqual(owner.faults, [])
  await owner.leave()

  await office.page.reload()
  await todo(office.page, ripe).click()
  await choose(office.page, '归档')
  await send(office.page)
  await acts(office.page).locator('.good').waitFor()
  assert.deepEqual(office.faults, [])
  await office.leave()

  const anybody = await on.visitor({ locale: 'en', width: 390 })
  await anybody.page.goto(`${on.platform.url}/lots/${ripe.id}`)
  await anybody.page.getByText(award.company).first().waitFor()
  await fits(anybody.page)
  await accessible(anybody.page)
  assert.deepEqual(anybody.faults, [])
  await anybody.leave()
})

test('three administrators: one makes accounts and settings, one grants and ends sessions, one watches both', async () => {
  const system = await on.visitor({ mayFail: ['status of 401'] })
  await on.signIn(system.page, 'sysadmin')
  await system.page.goto(`${on.platform.url}/admin`)
  const create = system.page.locator('form.create')
  await create.locator('input').nth(0).fill('newexpert')
  await create.locator('input').nth(1).fill('周评审')
  await create.locator('button').click()
  await system.page.locator('.code .big').waitFor()
  assert.equal(
    await system.page.locator('table select').count(),
    0,
    'roles are not the system administrator’s to grant',
  )
  await accessible(system.page)

  await system.page.goto(`${on.platform.url}/admin?tab=settings`)
  const days = system.page.locator('fieldset', { hasText: '国有产权' }).locator('input').first()
  await days.fill('400')
  await system.page.locator('.settings .wf .bad').waitFor()
  await days.fill('12')
  await accessible(system.page)
  await system.page.locator('.settings button[type=submit]').click()
  await system.page.locator('.settings .good').waitFor()
  const bounds = await on.json('/api/v1/legal-bounds')
  assert.equal(bounds.find((b) => b.category === 'C').notice_days_min.value, 12)

  const security = await on.visitor()
  await on.signIn(security.page, 'secadmin')
  await security.page.goto(`${on.platform.url}/admin`)
  const row = (login) => security.page.locator('tbody tr', { has: security.page.getByText(login, { exact: true }) })
  assert.equal(await security.page.locator('form.create').count(), 0)
  await security.page.fill('.find input', 'newexpert')
  await row('newexpert').locator('select').selectOption('expert')
  await row('newexpert').locator('.btn.act').click()
  await security.page.locator('.prove .good[role=status]').waitFor()
  await security.page.fill('.find input', 'sysadmin')
  await row('sysadmin').locator('.acts .btn').first().click()
  const sessions = security.page.locator('.details li .btn')
  await sessions.first().waitFor()
  await accessible(security.page)
  for (let left = await sessions.count(); left > 0; left--) {
    await sessions.first().click()
    await security.page.waitForFunction((n) => document.querySelectorAll('.details li .btn').length < n, left)
  }
  assert.deepEqual(security.faults, [])
  await security.leave()

  // Whose session was ended is told so, and is nobody any more.
  await system.page.goto(`${on.platform.url}/admin`)
  await system.page.getByText('本页供三类管理员使用').waitFor()
  await system.leave()

  const audit = await on.visitor({ locale: 'en' })
  await on.signIn(audit.page, 'auditadmin')
  await audit.page.goto(`${on.platform.url}/admin?tab=events`)
  await audit.page.locator('tbody td', { hasText: 'role_granted' }).first().waitFor()
  await audit.page.locator('tbody td', { hasText: 'session_revoked' }).first().waitFor()
  await audit.page.goto(`${on.platform.url}/admin?tab=settings`)
  await audit.page.locator('.settings').waitFor()
  assert.equal(await audit.page.locator('.settings button[type=submit]').count(), 0)
  await audit.page.goto(`${on.platform.url}/admin?tab=keys`)
  await audit.page.locator('.keys dd.mono').first().waitFor()
  await accessible(audit.page)
  assert.deepEqual(audit.faults, [])
  await audit.leave()
})
