// What companies do in these journeys: sign up, make keys, sign up for a lot, bid; all of it by the screen, as people do.
import assert from 'node:assert/strict'
import { PATIENCE } from './helpers.mjs'

export const PASSPHRASE = 'a passphrase for this browser'
export const PASSWORD = 'correct horse battery'

/** An invented company's unified social credit code with its check character (GB 32100-2015, weights 3^i modulo 31). */
export function creditCode(body) {
  const letters = '0123456789ABCDEFGHJKLMNPQRTUWXY'
  let [sum, weight] = [0, 1]
  for (const letter of body) {
    sum += letters.indexOf(letter) * weight
    weight = (weight * 3) % 31
  }
  return body + letters[(31 - (sum % 31)) % 31]
}

/** A new company in this browser, signed in, with an identity key that the platform knows. */
export async function enrol(page, url, { company, code, person, login }) {
  await page.goto(`${url}/sign-up`)
  const inputs = page.locator('#main form input')
  for (const [place, text] of [company, creditCode(code), person, login, PASSWORD, PASSWORD].entries())
    await inputs.nth(place).fill(text)
  await page.click('#main form button[type=submit]')
  await page
    .waitForURL((at) => at.pathname === '/keys')
    .catch(async () => assert.fail(`not signed up: ${await page.locator('#main').innerText()}`))
  const keys = page.locator('#main form').first()
  await keys.locator('input[type=password]').nth(0).fill(PASSPHRASE)
  await keys.locator('input[type=password]').nth(1).fill(PASSPHRASE)
  await keys.locator('button[type=submit]').click()
  await keys.locator('.facts dd').nth(1).waitFor()
}

/** Signs up for the lot and stays until the bank has paid and a number was drawn. Returns the number. */
export async function join(page, url, lot) {
  await page.goto(`${url}/lots/${lot}`)
  await page.locator('.join .btn.act, .panel button.btn.act').first().click()
  await page.locator('.panel dl .mono').first().waitFor()
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline;) {
    const number = await page.evaluate(
      async (id) => (await (await fetch(`/api/v1/lots/${id}/mine`)).json()).number ?? null,
      lot,
    )
    if (number !== null) return number
    await page.waitForTimeout(500)
  }
  return assert.fail('no number was drawn')
}

/** In the bidding room: presses the button as soon as it may be pressed. Returns the entry's seq; null when refused. */
export async function bid(page) {
  if ((await page.locator('.dock').isVisible()) && !(await page.locator('.sheet').count()))
    await page.locator('.dock .go').click()
  const answered = page.waitForResponse(
    (response) => response.request().method() === 'POST' && response.url().endsWith('/bids'),
  )
  await page.locator('.bid button.go').click()
  const response = await answered
  await page.locator('.bid .answer.accepted, .bid .answer.refused').waitFor()
  return response.ok() ? (await response.json()).seq : null
}

/** Bids until a bid of this browser is accepted: another one may always come first. Returns its seq. */
export async function bidAccepted(page) {
  const deadline = Date.now() + PATIENCE
  while (Date.now() < deadline) {
    const seq = await bid(page)
    if (seq !== null) return seq
  }
  return assert.fail('no bid of this browser was accepted')
}
