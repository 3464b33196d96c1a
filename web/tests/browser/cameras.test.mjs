// What the cameras saw, in a real browser: live for the supervisor, a clip for the reviewer with a case, each with its sound
// decoded and its verdict from the browser's own hashing; then a changed byte, a gap, an alarm.
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { accessible, PATIENCE, stage } from './helpers.mjs'

const on = stage()

/** Waits for `holds` on this side, as the page's own waits do on theirs. */
async function until(what, holds, patience = 2 * PATIENCE) {
  for (const deadline = Date.now() + patience; Date.now() < deadline;) {
    const found = await holds()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  assert.fail(`${what}: not in time`)
}

/** The player shows moving pictures of the camera's size, and its sound is decoded. */
async function plays(player) {
  const video = player.locator('video')
  const state = () =>
    video.evaluate((v) => ({
      at: v.currentTime,
      width: v.videoWidth,
      pictures: v.webkitDecodedFrameCount,
      sound: v.webkitAudioDecodedByteCount,
      error: v.error?.message ?? null,
    }))
  const first = await until('the first picture', async () => {
    const now = await state()
    assert.equal(now.error, null)
    return now.pictures > 0 && now.sound > 0 ? now : null
  })
  assert.equal(first.width, 640)
  await until('moving pictures with sound', async () => {
    const now = await state()
    return now.at > first.at && now.pictures > first.pictures && now.sound > first.sound
  })
}

/** Says why, and is let look. */
async function watch(where, reason) {
  await where.locator('.look input').fill(reason)
  await where.locator('.look button[type=submit]').click()
  const player = where.locator('.player')
  await player.waitFor()
  return player
}

const verdict = (player, word) => player.locator(`[data-verdict=${word}]`).waitFor({ timeout: 2 * PATIENCE })

/** A request as this page's own code makes it. */
const ask = (page, method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const { csrf } = await (await fetch('/api/v1/session')).json()
      const headers = {
        'Content-Type': 'application/json',
        'X-CSRF-Token': csrf,
        'Idempotency-Key': crypto.randomUUID(),
      }
      const init = method === 'GET' ? {} : { method, headers, body: JSON.stringify(body) }
      const answer = await fetch(`/api/v1${path}`, init)
      return { status: answer.status, body: await answer.json() }
    },
    [method, path, body],
  )

/** The processes of the demonstration's synthetic cameras, in the order of their rooms. */
const cameras = () => {
  const found = spawnSync('pgrep', ['-P', `${on.platform.pid}`, 'python3'], { encoding: 'utf8' })
  return found.stdout.trim().split('\n').filter(Boolean).map(Number)
}

test('pictures and sound are played, and what was changed, what is missing and what is wrong is said', async () => {
  const lot = on.platform.live[0]
  const floor = await on.visitor({ width: 1920, height: 1080 })
  await on.signIn(floor.page, 'supervisor')
  await floor.page.goto(`${on.platform.url}/floor`)
  const { project } = await on.json(`/api/v1/lots/${lot}`)
  const tile = floor.page.locator('.tile', { hasText: project.code }).first()
  await tile.waitFor({ timeout: 2 * PATIENCE })
  await tile.click()
  const seen = floor.page.locator('.seen')
  const live = await watch(seen, '现场监督开标')
  await plays(live)
  await verdict(live, 'verified')
  await accessible(floor.page)

  // The reviewer opens a case and finds the opening beside its entry.
  const desk = await on.visitor({ width: 1600, height: 1000 })
  await on.signIn(desk.page, 'reviewer')
  assert.equal((await ask(desk.page, 'POST', '/cases', { lot, reason: '核查开标过程' })).status, 201)
  const clipsNow = async () => (await ask(desk.page, 'GET', `/lots/${lot}/clips`)).body.items
  const opening = await until('the opening’s clip', async () =>
    (await clipsNow()).find((clip) => clip.about_kind === 'auction.opened' && clip.status === 'complete'),
  )
  assert.ok((await clipsNow()).some((clip) => clip.about_kind === 'auction.bid_accepted'))
  await desk.page.goto(`${on.platform.url}/review/${lot}`)
  const panel = desk.page.locator('.clips')
  const row = (clip) =>
    panel.locator('li', { has: desk.page.getByText(`#${clip.about.toLocaleString('en-US')}`, { exact: true }) }).first()
  await row(opening).locator('button.row').click()
  const first = await watch(row(opening), '核查开标过程')
  await plays(first)
  await verdict(first, 'verified')
  assert.match(await first.innerText(), /± ?\d+/)
  await accessible(desk.page)
  // Taken along, it is a ZIP with a manifest.
  const [taken] = await Promise.all([
    desk.page.waitForEvent('download'),
    (async () => {
      await row(opening).locator('.actions input').fill('附卷')
      await row(opening).locator('.actions button[type=submit]').click()
    })(),
  ])
  assert.ok(readFileSync(await taken.path()).includes('manifest.json'))
  await row(opening).locator('.actions .good').waitFor()

  // One byte of one segment is flipped on the disk: it plays on, and the verdict says so.
  const media = join(on.platform.data, 'media')
  const viewing = (await ask(desk.page, 'POST', '/viewings', { clip: opening.id, reason: '取文件名' })).body
  const { files } = (await ask(desk.page, 'GET', `/viewings/${viewing.id}`)).body
  const victim = join(media, files.at(-3).name)
  const bytes = readFileSync(victim)
  bytes[bytes.length - 100] ^= 1
  chmodSync(victim, 0o600)
  writeFileSync(victim, bytes)
  await desk.page.reload()
  await row(opening).locator('button.row').click()
  const changed = await watch(row(opening), '再次核查')
  await verdict(changed, 'mismatch')
  assert.match(await changed.innerText(), /与账本不符/)

  // A camera that stands still for some seconds leaves a gap in a clip that is asked for.
  const [camera] = cameras()
  assert.ok(camera, 'the demonstration has its synthetic cameras')
  const stopped = Date.now()
  process.kill(camera, 'SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 6_000))
  process.kill(camera, 'SIGCONT')
  await new Promise((resolve) => setTimeout(resolve, 8_000))
  const micros = (ms) => `${new Date(ms).toISOString().slice(0, -1)}000Z`
  const wish = {
    about: opening.about,
    camera: opening.camera,
    from: micros(stopped - 4_000),
    to: micros(Date.now()),
    reason: '画面中断前后',
  }
  assert.equal((await ask(desk.page, 'POST', `/lots/${lot}/clips`, wish)).status, 201)
  const gappy = await until('the clip with the gap', async () =>
    (await clipsNow()).find((clip) => clip.about_kind === 'evidence.clip_requested' && clip.status === 'gap'),
  )
  await desk.page.reload()
  const asked = panel.locator('li', { hasText: '人工调取' })
  await asked.locator('button.row').click()
  const broken = await watch(asked, '核查中断')
  await broken.locator('.gap').first().waitFor()
  assert.match(await broken.locator('.gap').first().innerText(), /缺口.*网络中断/)
  await plays(broken)
  await verdict(broken, 'verified')
  assert.equal(gappy.camera, opening.camera)
  assert.deepEqual(desk.faults, [])
  await desk.leave()

  // A supervisor has the clip's footage held, and lifts it again.
  await floor.page.goto(`${on.platform.url}/review/${lot}`)
  const theirs = floor.page.locator('.clips')
  const one = theirs
    .locator('li', { has: floor.page.getByText(`#${opening.about.toLocaleString('en-US')}`, { exact: true }) })
    .first()
  await one.locator('button.row').click()
  await one.locator('.actions input').fill('诉讼保全')
  await one.locator('.actions button[type=button]').click()
  await one.locator('.actions .good').waitFor()
  const holds = theirs.locator('.holds')
  await holds.locator('li > button').click()
  await holds.locator('form input').first().fill('诉讼已结')
  await holds.locator('form input[type=password]').fill(on.platform.password)
  await holds.locator('form button[type=submit]').click()
  await holds.waitFor({ state: 'detached' })
  await floor.page.goto(`${on.platform.url}/floor`)

  // A camera that is gone is a line on the floor, and an entry.
  process.kill(camera, 'SIGKILL')
  const alarm = floor.page.locator('.alarms [data-alarm=camera_down]')
  await alarm.waitFor({ timeout: 2 * PATIENCE })
  assert.match(await alarm.innerText(), /摄像机中断.*#\d/s)
  await floor.leave()
})

test('nobody else is shown footage', async () => {
  const { page, leave } = await on.visitor({ mayFail: ['status of 403', 'status of 404'] })
  await on.signIn(page, 'operator')
  const lot = on.platform.live[0]
  assert.equal((await ask(page, 'GET', `/lots/${lot}/clips`)).status, 403)
  await leave()
})
