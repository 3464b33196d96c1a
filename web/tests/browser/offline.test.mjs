// The offline verifier as a reviewer meets it: the file on a disk, the network off, a case file and receipts given to it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { accessible, fits, stage } from './helpers.mjs'
import { binary } from './platform.mjs'

const on = stage()
let lot
let file
let key

/** The case of a finished lot, written once the platform is there. */
let written = null
function prepare() {
  written ??= (async () => {
    lot = (await on.json('/api/v1/lots?phase=archived&limit=1')).items[0]
    key = (await on.json('/api/v1/ledgers')).items[0].verifier_key
    file = join(on.platform.data, 'case.zip')
    const args = ['case', '--data', on.platform.data, '--lot', lot.id, '--out', file]
    const done = spawnSync(binary, args, { encoding: 'utf8' })
    assert.equal(done.status, 0, done.stderr + done.stdout)
  })()
  return written
}

async function offline(locale = 'zh-CN') {
  await prepare()
  return on.offline({ locale })
}

test('a case file holds, from a disk, without a network, with its timeline', async () => {
  for (const locale of ['zh-CN', 'en']) {
    const { page, faults, leave, give } = await offline(locale)
    await page.fill('#key', key)
    await give(file)
    await page.waitForSelector('.verdict.ok, .verdict.bad, [role=alert]')
    assert.equal(await page.locator('.verdict.ok').count(), 1, await page.locator('#main').innerText())
    assert.equal(await page.locator('.verdict .warn').count(), 0, 'a key was given')
    // The second implementation comes last.
    await page.getByText(locale === 'en' ? 'the same result' : '结论一致').waitFor()
    assert.equal(await page.locator('tr.failed').count(), 0)
    assert.ok((await page.locator('tr.held').count()) >= 8)
    await page.getByText(lot.title).first().waitFor()
    assert.ok((await page.locator('tbody tr .mono').count()) > 10, 'the timeline')
    await fits(page)
    await accessible(page)
    assert.deepEqual(faults, [])
    await leave()
  }
})

test('without a key it says what that leaves open, and under another key nothing holds', async () => {
  const { page, faults, leave, give } = await offline()
  await give(file)
  await page.waitForSelector('.verdict.ok .warn')
  const other = 'ledger.other.example/trade+d4f436e3+AT9iCn4SmL+UrNVOVMsjeSQg50lDEEh0cLGWNlUiDXo5'
  await page.fill('#key', other)
  await page.getByRole('button', { name: '重新核验' }).click()
  await page.waitForSelector('.verdict.bad, [role=alert]')
  assert.equal(await page.locator('.verdict.ok').count(), 0)
  assert.deepEqual(faults, [])
  await leave()
})

test('a spoilt case is never accepted', async () => {
  const { page, faults, leave, give } = await offline()
  const whole = readFileSync(file)
  for (const [name, bytes] of [
    ['cut.zip', whole.subarray(0, whole.length - 100)],
    ['half.zip', whole.subarray(0, whole.length >> 1)],
    ['flipped.zip', Buffer.from(whole.map((byte, at) => (at === whole.length >> 1 ? byte ^ 1 : byte)))],
    ['glued.zip', Buffer.concat([whole, whole])],
  ]) {
    const spoilt = join(on.platform.data, name)
    writeFileSync(spoilt, bytes)
    await give(spoilt)
    await page.getByText(name).first().waitFor()
    await page.waitForSelector('.verdict.bad, .card.bad[role=alert]')
    assert.equal(await page.locator('.verdict.ok').count(), 0, name)
  }
  assert.deepEqual(faults, [])
  await leave()
})

test('a receipt is checked by itself and against the case', async () => {
  const { page, faults, leave, give } = await offline()
  const seq = 5
  const proof = await (await fetch(`${on.platform.url}/ledger/main/proof/${seq}`)).text()
  const { entries } = await on.json(`/api/v1/entries?scope=ledger&after=${seq - 1}&limit=1`)
  const receipt = { type: 'mingjian-receipt', v: 1, leaf: entries[0].leaf, proof }
  const good = join(on.platform.data, 'receipt.json')
  const forged = join(on.platform.data, 'forged.json')
  writeFileSync(good, JSON.stringify(receipt))
  writeFileSync(forged, JSON.stringify({ ...receipt, leaf: receipt.leaf.replace(`"seq":${seq}`, '"seq":6') }))
  await give(good)
  await page.getByText('核验单独的回执需要账本公钥').waitFor()
  await page.fill('#key', key)
  await give(good)
  await page.getByText('回执成立：条目在账本中').waitFor()
  await give(forged)
  await page.getByText('不能据此证明条目在账本中').waitFor()
  await give(file)
  await page.waitForSelector('.verdict.ok')
  await give(good)
  await page.getByText('较新的').first().waitFor()
  assert.deepEqual(faults, [])
  await leave()
})
