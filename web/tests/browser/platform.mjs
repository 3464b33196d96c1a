// A real platform for the journeys: a small simulated year in a fresh directory, then `serve --demo` on a free port.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const binary = process.env.MINGJIAN ?? new URL('../../../target/debug/mingjian', import.meta.url).pathname

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

/** A directory with a small simulated year. */
function simulate(projects, rush) {
  const data = mkdtempSync(join(tmpdir(), 'mingjian-'))
  const year = ['simulate', '--projects', `${projects}`, '--rush', `${rush}`, '--seed', '7', '--data', data]
  const simulated = spawnSync(binary, year, { encoding: 'utf8' })
  if (simulated.status !== 0) throw new Error(`simulate: ${simulated.stderr}`)
  return data
}

/** Starts it and waits until it serves; in `data`, if one was there before. Returns its address, the demonstration's
 *  password, the auctions that run by themselves, those that a visitor can sign up for, and how to stop it. */
export async function startPlatform({ projects = 24, rush = 0, data = simulate(projects, rush) } = {}) {
  const url = `http://127.0.0.1:${await freePort()}`
  const server = spawn(binary, ['serve', '--demo', '--data', data, '--listen', url.slice(7)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  await new Promise((resolve, reject) => {
    // The log is a line a request: unread, its pipe fills and the server waits for ever.
    server.stderr.resume()
    server.stdout.on('data', (text) => {
      said += text
      if (said.includes('is serving on')) resolve()
    })
    server.on('exit', (code) => reject(new Error(`serve ended with ${code}: ${said}`)))
  })
  const password = /password of all: (\S+?)\)/.exec(said)?.[1]
  if (password === undefined) throw new Error(`no password in: ${said}`)
  const stop = () =>
    new Promise((resolve) => {
      server.removeAllListeners('exit')
      server.on('exit', () => {
        rmSync(data, { recursive: true, force: true })
        resolve()
      })
      server.kill('SIGTERM')
    })
  const [live, visitors] = said
    .split('To bid in yourself')
    .map((part) => [...part.matchAll(/\/lots\/(\S+)/g)].map((found) => found[1]))
  /** As when the power fails. */
  const kill = () =>
    new Promise((resolve) => {
      server.removeAllListeners('exit')
      server.on('exit', resolve)
      server.kill('SIGKILL')
    })
  return { url, password, data, live, visitors, pid: server.pid, stop, kill }
}
