// Journeys through the real interface, served by the real binary, in a real Chromium. Conditions are waited for, never
// times. `npm run test:browser`; the binary must hold a built interface.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFileSync } from 'node:fs'
import { creditCode, enrol, PASSPHRASE, PASSWORD } from './bidders.mjs'
import { accessible, fits, stage } from './helpers.mjs'

const on = stage()
const { visitor, signIn, json } = on

test('anybody sees what runs now, in both languages, on a desk and on a phone', async () => {
  for (const [locale, width] of [
    ['zh-CN', 1440],
    ['en', 390],
  ]) {
    const { page, faults, leave } = await visitor({ locale, width })
    await page.goto(on.platform.url)
    await page.waitForSelector('#main a[href*="/lots/"]')
    assert.equal(await page.evaluate(() => document.documentElement.lang), locale)
    await fits(page)
    await accessible(page)
    assert.deepEqual(faults, [])
    await leave()
  }
})

test('a visitor verifies a finished lot in the own browser, step by step', async () => {
  const { items } = await json('/api/v1/lots?phase=archived&limit=1')
  const { page, faults, leave } = await visitor()
  await page.goto(`${on.platform.url}/verify?lot=${items[0].id}`)
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
  await page.goto(`${on.platform.url}/lots/${items[0].id}`)
  await page.getByText(lot.title).first().waitFor()
  await page.getByText(lot.award.company).first().waitFor()
  await accessible(page)
  assert.deepEqual(faults, [])
  await leave()
})

test('a company signs itself up: the form says what is wrong, then leads to its keys', async () => {
  const { page, faults, leave } = await visitor()
  await page.goto(`${on.platform.url}/sign-up`)
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

test('keys outlive a browser: the sealed backup opens on a second device, and a third takes its own', async () => {
  const first = await visitor()
  await enrol(first.page, on.platform.url, {
    company: '明江市多机有限公司',
    code: '91330299MA2DEXC01',
    person: '李四',
    login: 'devices',
  })
  const kidOf = ({ page }) => page.locator('.facts dd').first().innerText()
  const kid = await kidOf(first)
  const [backup] = await Promise.all([first.page.waitForEvent('download'), first.page.locator('.backup .btn').click()])
  const file = await backup.path()
  // Sealed: nothing in it but ciphertext and the public halves.
  const { cipher, keys } = JSON.parse(readFileSync(file, 'utf8'))
  assert.equal(cipher, 'AES-256-GCM')
  assert.deepEqual(Object.keys(keys[0]).sort(), ['created_at', 'data', 'iv', 'jwk', 'name'])
  assert.equal(keys[0].jwk.d, undefined)

  const second = await visitor({ width: 390, height: 844, locale: 'en' })
  await signIn(second.page, 'devices', PASSWORD)
  await second.page.goto(`${on.platform.url}/keys`)
  const restore = second.page.locator('#main form').last()
  for (const [passphrase, said] of [
    ['not the passphrase at all', '.bad'],
    [PASSPHRASE, '.ok'],
  ]) {
    await restore.locator('input[type=file]').setInputFiles(file)
    await restore.locator('input[type=password]').fill(passphrase)
    await restore.locator('button[type=submit]').click()
    await restore.locator(`.said${said}`).waitFor()
  }
  assert.equal(await kidOf(second), kid)
  await second.page.locator('.facts dd').nth(1).waitFor()
  await fits(second.page)
  await accessible(second.page)

  const third = await visitor()
  await signIn(third.page, 'devices', PASSWORD)
  await third.page.goto(`${on.platform.url}/keys`)
  const make = third.page.locator('#main form').first()
  await make.locator('input[type=password]').nth(0).fill(PASSPHRASE)
  await make.locator('input[type=password]').nth(1).fill(PASSPHRASE)
  await make.locator('button[type=submit]').click()
  await make.locator('.facts dd').nth(1).waitFor()
  assert.notEqual(await kidOf(third), kid)
  const known = await third.page.evaluate(async () => (await (await fetch('/api/v1/me/keys')).json()).items)
  assert.deepEqual(
    known.map((key) => key.valid_until === null),
    [false, true],
  )
  // The first is told that another key stands for the company now.
  await first.page.reload()
  await first.page.getByText('平台登记的是另一把身份密钥').waitFor()
  for (const who of [first, second, third]) {
    assert.deepEqual(who.faults, [])
    await who.leave()
  }
})

test('a wrong password is refused in words, and the page stays', async () => {
  const { page, leave } = await visitor()
  await page.goto(`${on.platform.url}/sign-in`)
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
  await page.goto(`${on.platform.url}/floor`)
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
