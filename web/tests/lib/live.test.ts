import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '@/lib/bytes'
import { canonicalise } from '@/verify'
import {
  decodeFrame,
  LiveStream,
  SessionOver,
  retryDelayMs,
  type EntryFrame,
  type Environment,
  type SocketLike,
  type StreamOptions,
  type StreamState,
} from '@/lib/live'

const origin = 'ledger.mingjiang.example/trade'

function makeLedger(length: number): EntryFrame[] {
  const frames: EntryFrame[] = []
  let prev = toBase64(new Uint8Array(32))
  for (let seq = 0; seq < length; seq++) {
    const payload = canonicalise({
      actor: 'system',
      data: { n: seq },
      kind: 'test.happened',
      salt: 'zzgTck0JrSDzC1EiA7cN3A',
      subject: 'ledger',
    })
    const leaf = canonicalise({
      ledger: origin,
      payload: createHash('sha256').update(payload).digest('base64'),
      prev,
      seq,
      time: `2026-11-23T04:05:06.${seq.toString().padStart(6, '0')}Z`,
      v: 1,
    })
    prev = createHash('sha256')
      .update(Buffer.concat([Buffer.of(0), Buffer.from(leaf)]))
      .digest('base64')
    frames.push({ seq, leaf, payload: seq % 3 === 0 ? null : payload })
  }
  return frames
}

/** Time that moves only when told to; timers fire in order. */
class FakeTime implements Environment {
  now = 0
  private timers: { at: number; run: () => void }[] = []
  constructor(readonly random: () => number = () => 0.5) {}
  nowMs = () => this.now
  after = (ms: number, run: () => void) => {
    const timer = { at: this.now + ms, run }
    this.timers.push(timer)
    return () => void (this.timers = this.timers.filter((t) => t !== timer))
  }
  async pass(ms: number): Promise<void> {
    const end = this.now + ms
    for (;;) {
      await settle()
      const due = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.timers = this.timers.filter((t) => t !== due)
      this.now = due.at
      due.run()
    }
    this.now = end
    await settle()
  }
}

let running: LiveStream[] = []

/** Lets WebCrypto's promises, which finish on other threads, come back. */
async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (running.some((stream) => stream.busy)) quiet = -1
  }
}

class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  sent: Record<string, unknown>[] = []
  closed = false
  constructor(readonly protocols: string[]) {}
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(): void {
    this.closed = true
  }
  push(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
  get from(): number | undefined {
    return (this.sent.filter((m) => m.subscribe).at(-1)?.subscribe as { from: number } | undefined)?.from
  }
}

const heartbeat = (head: number) => ({ heartbeat: { head, time: '2026-11-23T04:06:00.000000Z' } })

function setUp(extra: Partial<StreamOptions> = {}, random?: () => number) {
  const time = new FakeTime(random)
  const sockets: FakeSocket[] = []
  const seen: number[] = []
  const states: StreamState[] = []
  const missed: { from: number; to: number }[] = []
  const stream = new LiveStream({
    scope: 'ledger',
    origin,
    anchor: null,
    environment: time,
    transports: { socket: (protocols) => (sockets.push(new FakeSocket(protocols)), sockets.at(-1)!) },
    onEntry: (entry) => seen.push(entry.seq),
    onState: (state) => states.push(state),
    onCaughtUp: (gap) => missed.push(gap),
    ...extra,
  })
  running = [stream]
  return { time, sockets, seen, states, missed, stream, socket: () => sockets.at(-1)! }
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

describe('the stream client', () => {
  const ledger = makeLedger(300)

  it('subscribes, takes each entry once and in order, drops doubles, acknowledges', async () => {
    const { time, socket, seen, stream } = setUp()
    stream.start()
    await settle()
    expect(socket().protocols).toEqual(['mingjian.v1'])
    socket().onopen!()
    expect(socket().sent).toEqual([{ subscribe: { scope: 'ledger', from: 0 } }])
    for (const i of [0, 1, 1, 0, 2, 3]) socket().push({ entry: ledger[i] })
    socket().push({ entries: ledger.slice(2, 6) })
    socket().push(heartbeat(5))
    await time.pass(1_500)
    expect(seen).toEqual(upTo(6))
    expect(stream.state.name).toBe('live')
    expect(socket().sent.at(-1)).toEqual({ ack: 5 })
  })

  it('sends a fresh ticket in the subprotocol, never in the URL', async () => {
    let n = 0
    const { time, sockets, stream } = setUp({ ticket: async () => `t${n++}` })
    stream.start()
    await settle()
    expect(sockets[0]!.protocols).toEqual(['mingjian.v1', 'ticket.t0'])
    sockets[0]!.onclose!({ code: 4001 })
    await time.pass(1_000)
    expect(sockets[1]!.protocols).toEqual(['mingjian.v1', 'ticket.t1'])
  })

  it('subscribes again on a hole and goes on without losing one', async () => {
    const { socket, seen, stream } = setUp()
    stream.start()
    await settle()
    socket().onopen!()
    socket().push({ entry: ledger[0] })
    socket().push({ entry: ledger[2] })
    await settle()
    expect(socket().from).toBe(1)
    for (const i of [1, 2, 3]) socket().push({ entry: ledger[i] })
    await settle()
    expect(seen).toEqual(upTo(4))
  })

  it('notices by the heartbeat that it is behind', async () => {
    const { time, socket, stream } = setUp()
    stream.start()
    await settle()
    socket().onopen!()
    socket().push({ entry: ledger[0] })
    await settle()
    socket().push(heartbeat(4))
    expect(stream.state.name).toBe('catching_up')
    await time.pass(3_000)
    expect(socket().from).toBe(1)
  })

  it('takes silence for a dead line', async () => {
    const { time, sockets, stream } = setUp()
    stream.start()
    await settle()
    sockets[0]!.onopen!()
    sockets[0]!.push(heartbeat(0))
    await time.pass(25_000)
    expect(stream.state.name).toBe('waiting')
    expect(sockets[0]!.closed).toBe(true)
    await time.pass(600)
    expect(sockets).toHaveLength(2)
  })

  it('resumes from the entry after the last and says what was missed', async () => {
    const { time, sockets, seen, missed, stream } = setUp()
    stream.start()
    await settle()
    sockets[0]!.onopen!()
    sockets[0]!.push({ entries: ledger.slice(0, 3) })
    sockets[0]!.push(heartbeat(2))
    await settle()
    sockets[0]!.onclose!({ code: 1006 })
    await time.pass(600)
    sockets[1]!.onopen!()
    expect(sockets[1]!.from).toBe(3)
    sockets[1]!.push(heartbeat(7))
    sockets[1]!.push({ entries: ledger.slice(3, 8) })
    await settle()
    expect(seen).toEqual(upTo(8))
    expect(missed).toEqual([{ from: 3, to: 7 }])
  })

  it('counts all that was missed when the head is told only after the entries', async () => {
    const { time, sockets, missed, stream } = setUp()
    stream.start()
    await settle()
    sockets[0]!.onopen!()
    sockets[0]!.push({ entries: ledger.slice(0, 3) })
    sockets[0]!.push(heartbeat(2))
    await settle()
    sockets[0]!.onclose!({ code: 1006 })
    await time.pass(600)
    sockets[1]!.onopen!()
    for (const entry of ledger.slice(3, 6)) {
      sockets[1]!.push({ entry })
      await settle()
      expect(missed).toEqual([])
    }
    sockets[1]!.push(heartbeat(5))
    await settle()
    expect(missed).toEqual([{ from: 3, to: 5 }])
    expect(stream.state.name).toBe('live')
  })

  it.each([
    [4003, 'forbidden'],
    [4004, 'unknown_scope'],
    [4009, 'session_over'],
    [1008, 'policy'],
  ])('ends on %i: %s', async (code, reason) => {
    const { time, sockets, stream } = setUp()
    stream.start()
    await settle()
    sockets[0]!.onopen!()
    sockets[0]!.onclose!({ code })
    await time.pass(60_000)
    expect(stream.state).toEqual({ name: 'ended', reason })
    expect(sockets).toHaveLength(1)
  })

  it('ends when there is no session to get a ticket with, and tries no other way in', async () => {
    const ticket = () => Promise.reject(new SessionOver())
    const { time, sockets, stream } = setUp({ ticket })
    stream.start()
    await settle()
    await time.pass(60_000)
    expect(stream.state).toEqual({ name: 'ended', reason: 'session_over' })
    expect(sockets).toHaveLength(0)
  })

  it.each([1001, 1006, 1009, 4001, 4008, 4029])('comes back after %i', async (code) => {
    const { time, sockets, stream } = setUp()
    stream.start()
    await settle()
    sockets[0]!.onopen!()
    sockets[0]!.push(heartbeat(0))
    sockets[0]!.onclose!({ code })
    expect(stream.state.name).toBe('waiting')
    await time.pass(40_000)
    expect(sockets.length).toBeGreaterThan(1)
  })

  it('stops for good at an entry that does not link, and names it', async () => {
    const forged = makeLedger(4)
    forged[2] = { ...forged[2]!, leaf: forged[2]!.leaf.replace('06.000002', '06.000001') }
    const { time, sockets, seen, stream } = setUp()
    stream.start()
    await settle()
    sockets[0]!.onopen!()
    sockets[0]!.push({ entries: forged })
    await time.pass(60_000)
    // The changed leaf still names its predecessor; its successor does not name it.
    expect(seen).toEqual([0, 1, 2])
    expect(stream.state).toMatchObject({ name: 'broken', seq: 3, fault: 'prev' })
    expect(sockets).toHaveLength(1)
  })

  it('stops at a payload that is not the one in the leaf', async () => {
    const { socket, stream } = setUp()
    stream.start()
    await settle()
    socket().onopen!()
    socket().push({ entries: [ledger[0], { ...ledger[1]!, payload: ledger[2]!.payload }] })
    await settle()
    expect(stream.state).toMatchObject({ name: 'broken', seq: 1, fault: 'payload' })
  })

  it('takes a ledger that became shorter for what it is, a lagging node for a lagging node', async () => {
    const { time, sockets, stream } = setUp()
    stream.start()
    await settle()
    sockets[0]!.onopen!()
    sockets[0]!.push({ entries: ledger.slice(0, 5) })
    await settle()
    for (let i = 0; i < 4; i++) {
      sockets.at(-1)!.onopen?.()
      sockets.at(-1)!.push({ reset: { head: 2 } })
      if (i < 3) expect(stream.state.name).toBe('waiting')
      await time.pass(3_000)
    }
    expect(stream.state).toMatchObject({ name: 'broken', fault: 'rollback', seq: 4 })
  })

  it('falls back to events and to paging where the socket is not let through', async () => {
    let events = 0
    const { time, sockets, seen, stream } = setUp({
      transports: {
        socket: (protocols) => {
          const socket = new FakeSocket(protocols)
          sockets.push(socket)
          queueMicrotask(() => socket.onclose?.({ code: 1006 }))
          return socket
        },
        events: (_from, _onText, onFail) => {
          events++
          queueMicrotask(onFail)
          return () => {}
        },
        page: async (from) => ({ entries: ledger.slice(from, Math.min(from + 10, 25)), head: 24 }),
      },
    })
    stream.start()
    await time.pass(120_000)
    expect(sockets.length).toBe(2)
    expect(events).toBe(2)
    expect(seen).toEqual(upTo(25))
    expect(stream.state).toEqual({ name: 'live', transport: 'paging' })
  })

  it('begins at a verified point', async () => {
    const { socket, seen, stream } = setUp({
      anchor: { seq: 9, hash: fromBase64(JSON.parse(ledger[10]!.leaf).prev), time: 0n },
    })
    stream.start()
    await settle()
    socket().onopen!()
    expect(socket().from).toBe(10)
    socket().push({ entries: ledger.slice(10, 13) })
    await settle()
    expect(seen).toEqual([10, 11, 12])
  })

  it('shows every entry once and in order, whatever is cut, doubled or left out', async () => {
    for (let run = 1; run <= 12; run++) {
      let seed = run * 7919
      const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647
      const pick = (n: number) => Math.floor(random() * n)
      const { time, sockets, seen, stream } = setUp({}, random)
      stream.start()
      let served = 0
      for (let step = 0; step < 2_000 && seen.length < ledger.length; step++) {
        await settle()
        const socket = sockets.at(-1)
        if (!socket || socket.closed || !socket.onmessage) {
          await time.pass(500)
          continue
        }
        if (socket.sent.length === 0) {
          if (random() < 0.2) socket.onclose?.({ code: 1006 })
          else socket.onopen!()
          served = socket.from ?? 0
          continue
        }
        served = Math.min(served, socket.from!)
        const action = pick(10)
        if (action === 0) socket.onclose?.({ code: [1001, 1006, 4008][pick(3)]! })
        else if (action === 1) served = Math.min(ledger.length, served + pick(4))
        else if (action === 2) served = Math.max(0, served - pick(6))
        else if (action === 3) socket.push(heartbeat(ledger.length - 1))
        else if (action === 4) await time.pass(pick(4_000))
        else {
          const batch = ledger.slice(served, served + 1 + pick(12))
          served += batch.length
          if (batch.length > 0) socket.push(random() < 0.5 ? { entries: batch } : { entry: batch[0] })
          if (served >= ledger.length) served = Math.max(0, seen.length)
        }
      }
      expect(stream.state.name, `run ${run}`).not.toBe('broken')
      expect(seen, `run ${run}`).toEqual(upTo(ledger.length))
      stream.stop()
    }
    // Bounded by its steps; the time is for machines that do other things too.
  }, 60_000)
})

it('waits between half a second and thirty, longer with each failure', () => {
  expect(retryDelayMs(0, () => 0)).toBe(500)
  expect(retryDelayMs(0, () => 1)).toBe(500)
  expect(retryDelayMs(3, () => 1)).toBe(4_000)
  expect(retryDelayMs(99, () => 1)).toBe(30_000)
  expect(retryDelayMs(99, () => 0)).toBe(500)
})

it('reads frames strictly and later versions kindly', () => {
  expect(decodeFrame('{"news":1}')).toEqual({ kind: 'unknown' })
  expect(decodeFrame('{"reset":{"head":null}}')).toEqual({ kind: 'reset', head: -1 })
  expect(decodeFrame('{"heartbeat":{"head":null,"time":"1970-01-01T00:00:00.000001Z","checkpoint":""}}')).toEqual({
    kind: 'heartbeat',
    head: -1,
    time: 1n,
    checkpoint: null,
  })
  expect(
    decodeFrame('{"entry":{"seq":1,"prev":"x","hash":"y","leaf":"{}","payload":null,"withheld":"not_yet_readable"}}'),
  ).toEqual({ kind: 'entries', entries: [{ seq: 1, leaf: '{}', payload: null }] })
  for (const bad of [
    '',
    '[',
    '{"entry":{}}',
    '{"entry":{"seq":-1,"leaf":""}}',
    '{"heartbeat":{"head":"1","time":""}}',
    '{"entry":{"seq":1.5,"leaf":""}}',
  ]) {
    expect(() => decodeFrame(bad), bad).toThrow()
  }
})
