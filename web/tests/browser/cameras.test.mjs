// What the cameras saw, in a real browser: live for the supervisor, a clip for the reviewer with a case, each with its sound
// decoded and its verdict from the browser's own hashing; then a changed byte, a gap, an alarm.
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { accessible, PATIENCE, stage } from './helpers.mjs'
import { startPlatform } from './platform.mjs'

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

/** As the screens write it, in China's time. */
const clockOf = (time) => new Date(Date.parse(time) + 8 * 3_600_000).toISOString().slice(11, 19)

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

/** The segment decoded and encoded again: to the eye it is the same. */
function anew(init, segment) {
  const dir = mkdtempSync(join(tmpdir(), 'anew-'))
  const [whole, made] = [join(dir, 'whole.mp4'), join(dir, 'made.mp4')]
  writeFileSync(whole, Buffer.concat([readFileSync(init), segment]))
  const how = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-f', 'mp4']
  const fragments = ['-movflags', '+empty_moov+default_base_moof+frag_keyframe']
  const done = spawnSync('/usr/bin/ffmpeg', ['-loglevel', 'error', '-i', whole, ...how, ...fragments, made])
  assert.equal(done.status, 0, `${done.stderr}`)
  const bytes = readFileSync(made)
  rmSync(dir, { recursive: true })
  return bytes
}

/** The case file with its footage, out of the review desk, plays in the offline verifier: pictures, sound, hashes checked. */
async function takesCaseAlong(page) {
  const form = page.locator('.bundle form')
  await form.locator('input[type=checkbox]').check()
  await form.locator('.field').first().fill('附卷备查')
  const password = form.locator('input[type=password]')
  if (await password.count()) await password.fill(on.platform.password)
  await accessible(page)
  const [taken] = await Promise.all([page.waitForEvent('download'), form.locator('button[type=submit]').click()])
  await form.locator('.good').waitFor()
  const file = join(on.platform.data, 'filmed.zip')
  await taken.saveAs(file)
  const reader = await on.offline()
  await reader.page.fill('#key', (await on.json('/api/v1/ledgers')).items[0].verifier_key)
  await reader.give(file)
  await reader.page.waitForSelector('.verdict.ok, .verdict.bad, [role=alert]')
  assert.equal(await reader.page.locator('.verdict.ok').count(), 1, await reader.page.locator('#main').innerText())
  const part = reader.page.locator('figure .part', { has: reader.page.locator('.held') }).first()
  await part.waitFor()
  await part.locator('video').evaluate((video) => video.play())
  await plays(part)
  assert.deepEqual(reader.faults, [])
  await reader.leave()
  rmSync(file)
}

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
  // A browser complains of a file that is gone; so does the player.
  const desk = await on.visitor({ width: 1600, height: 1000, mayFail: ['status of 410'] })
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

  await takesCaseAlong(desk.page)

  // What somebody with the run of the disk does to footage is found where it was done, and named.
  const media = join(on.platform.data, 'media')
  const viewing = (await ask(desk.page, 'POST', '/viewings', { clip: opening.id, reason: '取文件名' })).body
  const { files } = (await ask(desk.page, 'GET', `/viewings/${viewing.id}`)).body
  const [init, victim, next] = [files[0], files.at(-4), files.at(-3)].map((file) => join(media, file.name))
  const [bytes, nextBytes] = [readFileSync(victim), readFileSync(next)]
  const put = (path, bytes) => {
    chmodSync(path, 0o600)
    writeFileSync(path, bytes)
  }
  const flipped = Buffer.from(bytes)
  flipped[flipped.length - 100] ^= 1
  const n = Number(/(\d+)\.m4s$/.exec(victim)[1])
  for (const [done, finding, words] of [
    [() => put(victim, flipped), 'mismatch', `第 ${n} 段与账本不符：已被改动或重制`],
    [() => put(victim, anew(init, bytes)), 'mismatch', `第 ${n} 段与账本不符：已被改动或重制`],
    [() => (put(victim, nextBytes), put(next, bytes)), 'swapped', `第 ${n} 段与账本不符：放在此处的是第 ${n + 1} 段`],
    [() => rmSync(victim), 'gone', `第 ${n} 段已不在`],
  ]) {
    done()
    await desk.page.reload()
    await row(opening).locator('button.row').click()
    const changed = await watch(row(opening), '再次核查')
    const said = changed.locator(`[data-finding=${finding}]`).first()
    await said.waitFor({ timeout: 2 * PATIENCE })
    assert.ok((await said.innerText()).includes(words), `${await said.innerText()}: ${words}`)
    await verdict(changed, finding === 'swapped' ? 'mismatch' : finding)
    writeFileSync(victim, bytes, { mode: 0o600 })
    put(next, nextBytes)
  }
  await desk.page.reload()
  await row(opening).locator('button.row').click()
  const restored = await watch(row(opening), '复原后核查')
  await restored.getByText(`已核对 ${files.length} 个文件`).waitFor({ timeout: 2 * PATIENCE })
  await verdict(restored, 'verified')

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

test('what another recorder keeps is played, and is said to be another recorder’s', async () => {
  const lot = on.platform.live[0]
  const dir = mkdtempSync(join(tmpdir(), 'elsewhere-'))
  const film = (pattern) => {
    const path = join(dir, 'film.mp4')
    const picture = ['-f', 'lavfi', '-i', `${pattern}=size=640x360:rate=15`, '-f', 'lavfi', '-i', 'sine=440']
    const how = ['-t', '30', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', path]
    const done = spawnSync('/usr/bin/ffmpeg', ['-y', '-loglevel', 'error', ...picture, ...how])
    assert.equal(done.status, 0, `${done.stderr}`)
    return readFileSync(path)
  }
  // MediaMTX's playback server, as it documents its answers: a day of the path `hall`.
  let given = film('testsrc')
  const list = [{ start: new Date(Date.now() - 43_200_000).toISOString(), duration: 86_400, url: '' }]
  const other = createServer((request, response) => {
    const path = new URL(request.url, 'http://other').pathname
    if (path === '/list') response.setHeader('Content-Type', 'application/json').end(JSON.stringify(list))
    else response.setHeader('Content-Type', 'video/mp4').end(given)
  })
  await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { page: office, leave: close } = await on.visitor()
  await on.signIn(office, 'operator')
  const room = await ask(office, 'POST', '/rooms', { name: '评标一室', place: '三层' })
  assert.equal(room.status, 201, JSON.stringify(room.body))
  const address = `http://127.0.0.1:${other.address().port}/hall`
  const camera = await ask(office, 'POST', `/rooms/${room.body.id}/cameras`, {
    name: '外部录像',
    source: 'mediamtx',
    address,
    user: '',
    password: '',
    retention: 'days_7',
  })
  assert.equal(camera.status, 201, JSON.stringify(camera.body))
  await close()

  const { page, leave, faults } = await on.visitor({ width: 1600, height: 1000 })
  await on.signIn(page, 'supervisor')
  const clips = async () => (await ask(page, 'GET', `/lots/${lot}/clips`)).body.items
  const micros = (ms) => `${new Date(ms).toISOString().slice(0, -1)}000Z`
  const [from, to] = [micros(Date.now() - 70_000), micros(Date.now() - 40_000)]
  const [{ about }] = await clips()
  const wish = { about, camera: camera.body.id, from, to, reason: '调取外部录像' }
  const asked = await ask(page, 'POST', `/lots/${lot}/clips`, wish)
  assert.equal(asked.status, 201, JSON.stringify(asked.body))
  await until('the clip is resolved', async () =>
    (await clips()).some((clip) => clip.id === asked.body.id && clip.status === 'complete'),
  )
  const look = async () => {
    await page.goto(`${on.platform.url}/review/${lot}`)
    const row = page.locator('.clips li', { hasText: '人工调取' }).filter({ hasText: clockOf(from) })
    await row.locator('button.row').click()
    return watch(row, '核查外部录像')
  }
  const player = await look()
  await player.locator('[data-elsewhere=true]').waitFor()
  assert.match(await player.innerText(), /其他系统（mediamtx）录制保存，录制时没有写入本账本/)
  assert.equal(await player.locator('[data-verdict]').count(), 0, 'nothing of it is called verified')
  await plays(player)
  await accessible(page)
  // That system gives something else today.
  given = film('testsrc2')
  await (await look()).locator('[data-elsewhere=false]').waitFor()
  assert.deepEqual(faults, [])
  await leave()
  other.close()
  rmSync(dir, { recursive: true })
})

test('footage that was made afterwards is a gap, and is called one', async () => {
  const lot = on.platform.live[0]
  // A recorder dies with segments on its disk that no entry knows; somebody writes an earlier time upon them.
  const notes = join(on.platform.data, 'recorder')
  const said = () => JSON.parse(readFileSync(join(notes, 'sent.json'), 'utf8')).data
  const unsaid = () => {
    // It speaks every ten seconds; just before, what is not said now would be said before it dies.
    if (Date.now() - statSync(join(notes, 'sent.json')).mtimeMs > 7_000) return null
    for (const name of readdirSync(notes).filter((name) => name.endsWith('.jsonl'))) {
      const lines = readFileSync(join(notes, name), 'utf8').trim().split('\n').filter(Boolean)
      const all = lines.map((line) => JSON.parse(line))
      const stretch = said().stretches.findLast(({ run }) => name.startsWith(run))
      const made = all.filter(({ number }) => stretch && number >= stretch.first + stretch.segments.length)
      if (made.length >= 2) return { name, all, made }
    }
    return null
  }
  const { name, all, made } = await until('segments that no entry knows', unsaid)
  await on.platform.kill()
  const earlier = (time) => `${new Date(Date.parse(time) - 600_000).toISOString().slice(0, -1)}000Z`
  const forged = all.map((one) => (one.number < made[0].number ? one : { ...one, from: earlier(one.from) }))
  writeFileSync(join(notes, name), forged.map((one) => `${JSON.stringify(one)}\n`).join(''))
  on.platform = await startPlatform({ data: on.platform.data })
  await until('the recorder speaks of it', () => said().gaps.some(({ cause }) => cause === 'not_committed'))

  const { page, leave, faults } = await on.visitor({ width: 1600, height: 1000 })
  await on.signIn(page, 'supervisor')
  const about = (await ask(page, 'GET', `/lots/${lot}/clips`)).body.items[0].about
  const [from, to] = [earlier(made[0].from), earlier(made.at(-1).from)]
  const wish = { about, camera: made[0].camera, from, to, reason: '自称更早的影像' }
  const asked = await ask(page, 'POST', `/lots/${lot}/clips`, wish)
  assert.equal(asked.status, 201, JSON.stringify(asked.body))
  await until('the clip is resolved', async () => {
    const clips = (await ask(page, 'GET', `/lots/${lot}/clips`)).body.items
    return clips.find((clip) => clip.id === asked.body.id)?.status === 'gap'
  })
  await page.goto(`${on.platform.url}/review/${lot}`)
  const row = page.locator('.clips li', { hasText: '人工调取' }).filter({ hasText: clockOf(from) })
  await row.locator('button.row').click()
  const player = await watch(row, '核查是否事后制作')
  const gap = player.locator('.gap')
  await gap.waitFor()
  assert.match(await gap.innerText(), /缺口.*未及时入账，不作证据/)
  assert.equal(await player.locator('[data-verdict=verified]').count(), 0)
  assert.deepEqual(faults, [])
  await leave()
})

test('nobody else is shown footage', async () => {
  const { page, leave } = await on.visitor({ mayFail: ['status of 403', 'status of 404'] })
  await on.signIn(page, 'operator')
  const lot = on.platform.live[0]
  assert.equal((await ask(page, 'GET', `/lots/${lot}/clips`)).status, 403)
  await leave()
})
