/**
 * The live stream as a viewer sees it: every entry once, in order, each checked against the one before.
 *
 * The only cursor is `seq`. A connection may be cut anywhere, frames may come twice or leave a hole; what reaches
 * `onEntry` is gapless all the same, because a frame is either the next one, or dropped (`seq ≤ last`), or the reason
 * to subscribe again from the last entry that held. A frame that does not link stops the client for good: that is not
 * a network fault but the finding that this system exists to make.
 *
 * Knows nothing of Vue, of rights, or of what the entries mean.
 */

import { utf8, type Bytes } from './bytes'
import { ChainError, link, parseLeaf, type ChainFault, type ChainPoint, type Linked } from '@/verify'
import { parseTime, type Micros } from './time'

export const PROTOCOL = 'mingjian.v1'
export const RETRY_MS_MIN = 500
export const RETRY_MS_MAX = 30_000
/** The server's heartbeat is every 10 s; two and a half without one and the line is dead. */
export const SILENCE_MS_MAX = 25_000
/** A head that is ahead of us for this long, with nothing coming, means that something was lost. */
export const BEHIND_MS_MAX = 3_000
/** Acknowledgements are for the server's bookkeeping: this many entries or this long, whichever comes first. */
export const ACK_EVERY = 64
export const ACK_MS = 1_000
/** Resubscriptions without a single entry in between, before the whole connection is made anew. */
const HOLES_MAX = 3
/** «from lies beyond the head» this often in a row is not a lagging node: the ledger has become shorter. */
const RESETS_MAX = 4
/** Failed attempts of one transport, without ever hearing from the server, before the next is tried. */
const FAILURES_PER_TRANSPORT = 2
const POLL_MS = 2_000
/** Frames waiting to be hashed; far above what a server may have in flight (512). */
const QUEUE_MAX = 4_096

/* ---- the wire -------------------------------------------------------------------------------------------------- */

export interface EntryFrame {
  seq: number
  /** Leaf bytes; they are UTF-8 JSON and travel as a JSON string. */
  leaf: string
  /** Payload bytes in the same way; null where this viewer may not read it. */
  payload: string | null
}

export type Frame =
  | { kind: 'entries'; entries: EntryFrame[] }
  /** `head` is −1 while the ledger is empty; the checkpoint's text lets the caller check what it saw against the signature. */
  | { kind: 'heartbeat'; head: number; time: Micros; checkpoint: string | null }
  | { kind: 'reset'; head: number }
  | { kind: 'unknown' }

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function entryOf(value: unknown): EntryFrame {
  const { seq, leaf, payload } = value as Record<string, unknown>
  if (!isCount(seq) || typeof leaf !== 'string') throw new Error('malformed entry frame')
  return { seq, leaf, payload: typeof payload === 'string' ? payload : null }
}

/** Throws on what is not JSON of a known shape; unknown members are for later versions and passed over. */
export function decodeFrame(text: string): Frame {
  const message = JSON.parse(text) as Record<string, unknown>
  if (message.entry) return { kind: 'entries', entries: [entryOf(message.entry)] }
  if (Array.isArray(message.entries)) return { kind: 'entries', entries: message.entries.map(entryOf) }
  const state = (message.heartbeat ?? message.reset) as
    { head?: unknown; time?: unknown; checkpoint?: unknown } | undefined
  if (!state) return { kind: 'unknown' }
  if (state.head !== null && !isCount(state.head)) throw new Error('malformed head')
  const head = state.head ?? -1
  if (message.reset) return { kind: 'reset', head }
  const checkpoint = typeof state.checkpoint === 'string' && state.checkpoint !== '' ? state.checkpoint : null
  return { kind: 'heartbeat', head, time: parseTime(String(state.time)), checkpoint }
}

/* ---- what the client is made of, all of it injectable ------------------------------------------------------------ */

export interface SocketLike {
  send(text: string): void
  close(code?: number): void
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
}

export type Transport = 'socket' | 'events' | 'paging'

export interface Transports {
  /** `ticket` is null for the public stream. */
  socket(protocols: string[]): SocketLike
  /** Server-Sent Events from `from` on; `onFail` once, then nothing more. Returns how to stop. */
  events?(from: number, onText: (text: string) => void, onFail: () => void): () => void
  /** Entries from `from` on (possibly none) and the head. */
  page?(from: number): Promise<{ entries: EntryFrame[]; head: number }>
}

export interface Environment {
  after(ms: number, run: () => void): () => void
  random(): number
  nowMs(): number
}

export const browserEnvironment: Environment = {
  after(ms, run) {
    const id = setTimeout(run, ms)
    return () => clearTimeout(id)
  },
  random: () => Math.random(),
  nowMs: () => performance.now(),
}

export type EndReason = 'forbidden' | 'unknown_scope' | 'session_over' | 'policy' | 'stopped'

export type StreamState =
  | { name: 'connecting'; transport: Transport; attempt: number }
  /** Connected, still reading history. */
  | { name: 'catching_up'; transport: Transport; head: number }
  | { name: 'live'; transport: Transport }
  | { name: 'waiting'; retryAtMs: number; attempt: number }
  | { name: 'ended'; reason: EndReason }
  /** An entry that does not link, or a ledger that became shorter. */
  | { name: 'broken'; seq: number; fault: ChainFault | 'rollback'; detail: string }

export interface StreamOptions {
  scope: string
  origin: string
  transports: Transports
  /**
   * The verified point that the next entry must follow; null to begin at entry 0. Without it the first frame is taken
   * as it is, and the caller checks its inclusion under a checkpoint.
   */
  anchor?: ChainPoint | null
  /** Where to begin when there is no anchor. */
  from?: number
  /**
   * Whether the stream holds every leaf of the ledger (payloads only where the scope has them). If the server sends
   * the scope's entries alone, links can be checked between neighbours only.
   */
  contiguous?: boolean
  /** A one-use ticket, fetched anew for each connection; null on the public stream. Throws `SessionOver`. */
  ticket?: () => Promise<string | null>
  environment?: Environment
  onEntry(entry: Linked & { leafText: string; payloadText: string | null }): void
  onState?(state: StreamState): void
  onHeartbeat?(head: number, time: Micros, checkpoint: string | null): void
  /** After a lost connection: the entries that came in between, once they are all here. */
  onCaughtUp?(missed: { from: number; to: number }): void
}

const SESSION_OVER = 4009
const FATAL: Record<number, EndReason> = {
  1008: 'policy',
  4003: 'forbidden',
  4004: 'unknown_scope',
  [SESSION_OVER]: 'session_over',
}

/** What asking for a ticket throws when there is no session any more. */
export class SessionOver extends Error {}

/** Full jitter over an exponentially growing span (0.5 s … 30 s), so that 5,000 viewers do not come back at once. */
export function retryDelayMs(attempt: number, random: () => number): number {
  const span = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(attempt, 16))
  return Math.round(RETRY_MS_MIN + random() * (span - RETRY_MS_MIN))
}

export class LiveStream {
  private point: ChainPoint | null
  private next: number
  private readonly env: Environment
  private queue: EntryFrame[] = []
  private draining = false
  private generation = 0
  private drop: (() => void) | null = null
  private send: ((message: object) => void) | null = null
  private cancels: Partial<Record<'retry' | 'silence' | 'behind' | 'ack', () => void>> = {}
  private attempt = 0
  private failures = 0
  private transport: Transport = 'socket'
  private heard = false
  private holes = 0
  private resets = 0
  private acked = -1
  private head = -1
  private lostAt: number | null = null
  private done = false
  state: StreamState = { name: 'connecting', transport: 'socket', attempt: 0 }

  constructor(private readonly options: StreamOptions) {
    this.env = options.environment ?? browserEnvironment
    this.point = options.anchor ?? null
    this.next = options.anchor ? options.anchor.seq + 1 : options.anchor === null ? 0 : (options.from ?? 0)
  }

  /** The last entry that held, or null before the first. */
  get last(): ChainPoint | null {
    return this.point
  }

  /** Whether frames that arrived are still being hashed. */
  get busy(): boolean {
    return this.draining
  }

  start(): void {
    this.done = false
    void this.connect()
  }

  stop(reason: EndReason = 'stopped'): void {
    this.finish({ name: 'ended', reason })
  }

  /** The person pressed «connect now», or the browser says that the network is back. */
  hurry(): void {
    if (this.state.name !== 'waiting') return
    this.attempt = 0
    this.cancel('retry')
    void this.connect()
  }

  /* ---- connections --------------------------------------------------------------------------------------------- */

  private async connect(): Promise<void> {
    const generation = ++this.generation
    this.heard = false
    this.queue = []
    this.holes = 0
    this.become({ name: 'connecting', transport: this.transport, attempt: this.attempt })
    const mine = () => generation === this.generation && !this.done
    // A connection that never opens must not hold us for ever.
    this.rearm('silence', SILENCE_MS_MAX, () => this.lost(generation))
    if (this.transport === 'socket') await this.openSocket(generation, mine)
    else if (this.transport === 'events') this.openEvents(generation, mine)
    else void this.poll(generation, mine)
  }

  private async openSocket(generation: number, mine: () => boolean): Promise<void> {
    let ticket: string | null = null
    try {
      ticket = (await this.options.ticket?.()) ?? null
    } catch (error) {
      // The session ended before this connection stood: trying again, or another transport, would say so never.
      if (mine()) this.lost(generation, error instanceof SessionOver ? SESSION_OVER : undefined)
      return
    }
    if (!mine()) return
    const socket = this.options.transports.socket(ticket ? [PROTOCOL, `ticket.${ticket}`] : [PROTOCOL])
    this.drop = () => {
      socket.onopen = socket.onmessage = socket.onclose = null
      socket.close(1000)
    }
    socket.onopen = () => {
      if (!mine()) return
      this.send = (message) => socket.send(JSON.stringify(message))
      this.subscribe()
    }
    socket.onmessage = ({ data }) => mine() && this.receive(generation, String(data))
    socket.onclose = ({ code }) => mine() && this.lost(generation, code)
  }

  private openEvents(generation: number, mine: () => boolean): void {
    const open = this.options.transports.events
    if (!open) return this.lost(generation)
    this.drop = open(
      this.next,
      (text) => mine() && this.receive(generation, text),
      () => mine() && this.lost(generation),
    )
  }

  private async poll(generation: number, mine: () => boolean): Promise<void> {
    const page = this.options.transports.page
    if (!page) return this.lost(generation)
    try {
      const { entries, head } = await page(this.next)
      if (!mine()) return
      this.hear()
      this.head = Math.max(this.head, head)
      this.accept(generation, entries)
      this.showProgress()
      // More at once while there is history to read, else at a walking pace.
      const pause = entries.length > 0 && entries.at(-1)!.seq < head ? 0 : POLL_MS
      this.rearm('retry', pause, () => void (mine() && this.poll(generation, mine)))
    } catch {
      if (mine()) this.lost(generation)
    }
  }

  private subscribe(): void {
    this.send?.({ subscribe: { scope: this.options.scope, from: this.next } })
  }

  private lost(generation: number, code = 1006): void {
    if (generation !== this.generation || this.done) return
    this.hangUp()
    this.lostAt ??= this.point?.seq ?? null
    // How far the ledger is now has to be heard anew: against the old head the first entry would look like the last.
    this.head = -1
    if (code in FATAL) return this.finish({ name: 'ended', reason: FATAL[code]! })
    if (!this.heard && ++this.failures >= FAILURES_PER_TRANSPORT) this.nextTransport()
    let delay = retryDelayMs(this.attempt++, () => this.env.random())
    if (code === 4029) delay = Math.max(delay, RETRY_MS_MAX / 2)
    this.become({ name: 'waiting', retryAtMs: this.env.nowMs() + delay, attempt: this.attempt })
    this.rearm('retry', delay, () => void this.connect())
  }

  /** WebSocket, then Server-Sent Events, then paging, and round again: a proxy may let through what it refused before. */
  private nextTransport(): void {
    const { events, page } = this.options.transports
    const ladder: Transport[] = ['socket', ...(events ? ['events' as const] : []), ...(page ? ['paging' as const] : [])]
    this.transport = ladder[(ladder.indexOf(this.transport) + 1) % ladder.length]!
    this.failures = 0
  }

  private hangUp(): void {
    this.generation++
    for (const name of Object.keys(this.cancels) as (keyof typeof this.cancels)[]) this.cancel(name)
    this.drop?.()
    this.drop = null
    this.send = null
    this.queue = []
  }

  private finish(state: StreamState): void {
    this.done = true
    this.hangUp()
    this.become(state)
  }

  /* ---- frames -------------------------------------------------------------------------------------------------- */

  private hear(): void {
    if (!this.heard) {
      this.heard = true
      this.failures = 0
    }
    const generation = this.generation
    this.rearm('silence', SILENCE_MS_MAX, () => this.lost(generation))
  }

  private receive(generation: number, text: string): void {
    this.hear()
    let frame: Frame
    try {
      frame = decodeFrame(text)
    } catch {
      return this.lost(generation)
    }
    if (frame.kind === 'entries') return this.accept(generation, frame.entries)
    if (frame.kind === 'reset') return this.reset(generation, frame.head)
    if (frame.kind === 'heartbeat') {
      this.head = Math.max(this.head, frame.head)
      this.resets = 0
      this.options.onHeartbeat?.(frame.head, frame.time, frame.checkpoint)
      this.showProgress()
    }
  }

  private reset(generation: number, head: number): void {
    if (++this.resets >= RESETS_MAX) {
      const detail = `the ledger ends at ${head}, entry ${this.next - 1} was seen here`
      return this.finish({ name: 'broken', seq: this.next - 1, fault: 'rollback', detail })
    }
    this.lost(generation)
  }

  private accept(generation: number, entries: EntryFrame[]): void {
    this.queue.push(...entries)
    if (this.queue.length > QUEUE_MAX) return this.lost(generation)
    if (!this.draining) void this.drain()
  }

  /** One frame after the other, whichever connection they came by: hashing is asynchronous and must not reorder. */
  private async drain(): Promise<void> {
    this.draining = true
    try {
      for (let frame = this.queue.shift(); frame && !this.done; frame = this.queue.shift()) await this.take(frame)
    } finally {
      this.draining = false
    }
    if (!this.done) this.showProgress()
  }

  private async take(frame: EntryFrame): Promise<void> {
    if (frame.seq < this.next) return
    const contiguous = this.options.contiguous ?? true
    if (frame.seq > this.next && contiguous) return this.hole()
    const leaf = utf8(frame.leaf)
    const payload = frame.payload === null ? null : utf8(frame.payload)
    let linked: Linked
    try {
      linked = await link(this.options.origin, await this.before(leaf, frame.seq), leaf, payload)
      if (linked.seq !== frame.seq) throw new ChainError(frame.seq, 'seq', `the leaf says ${linked.seq}`)
    } catch (error) {
      const fault = error instanceof ChainError ? error : new ChainError(frame.seq, 'leaf', String(error))
      return this.finish({ name: 'broken', seq: fault.seq, fault: fault.fault, detail: fault.message })
    }
    if (this.done) return
    this.point = { seq: linked.seq, hash: linked.hash, time: linked.time }
    this.next = linked.seq + 1
    this.holes = 0
    this.resets = 0
    this.attempt = 0
    this.options.onEntry({ ...linked, leafText: frame.leaf, payloadText: frame.payload })
    this.acknowledge()
  }

  /** What this leaf must follow; where nothing is known yet (or a filtered stream skips), its own word for it. */
  private async before(leaf: Bytes, seq: number): Promise<ChainPoint | null> {
    if (seq === 0) return null
    if (this.point && this.point.seq === seq - 1) return this.point
    const { prev, time } = parseLeaf(leaf)
    return { seq: seq - 1, hash: prev, time: this.point && this.point.time > time ? this.point.time : time }
  }

  private hole(): void {
    this.queue = []
    if (++this.holes > HOLES_MAX || !this.send) return this.lost(this.generation)
    this.subscribe()
  }

  private acknowledge(): void {
    const last = this.next - 1
    const flush = () => {
      this.cancel('ack')
      if (this.next - 1 <= this.acked) return
      this.acked = this.next - 1
      this.send?.({ ack: this.acked })
    }
    if (last - this.acked >= ACK_EVERY) flush()
    else if (!this.cancels.ack) this.rearm('ack', ACK_MS, flush)
  }

  private showProgress(): void {
    if (this.done || !this.heard || this.draining || this.queue.length > 0) return
    const behind = (this.options.contiguous ?? true) && this.head >= this.next
    if (behind) {
      this.become({ name: 'catching_up', transport: this.transport, head: this.head })
      if (!this.cancels.behind && this.send) {
        const at = this.next
        this.rearm('behind', BEHIND_MS_MAX, () => {
          this.cancel('behind')
          if (this.next === at) this.hole()
        })
      }
      return
    }
    this.cancel('behind')
    if (this.head < 0 && this.next > 0) return
    this.become({ name: 'live', transport: this.transport })
    if (this.lostAt !== null) {
      const missed = { from: this.lostAt + 1, to: this.next - 1 }
      this.lostAt = null
      if (missed.to >= missed.from) this.options.onCaughtUp?.(missed)
    }
  }

  private become(state: StreamState): void {
    const same = state.name === this.state.name && (state.name === 'live' || state.name === 'catching_up')
    this.state = state
    if (!same || state.name === 'catching_up') this.options.onState?.(state)
  }

  private cancel(name: keyof typeof this.cancels): void {
    this.cancels[name]?.()
    delete this.cancels[name]
  }

  private rearm(name: keyof typeof this.cancels, ms: number, run: () => void): void {
    this.cancel(name)
    this.cancels[name] = this.env.after(ms, run)
  }
}
