/**
 * The one live stream of this page: the whole ledger from a proved entry on, every link checked here. Payloads that the
 * viewer may not read come as withheld; their leaves come all the same, so the chain has no holes.
 */

import { shallowRef } from 'vue'
import { fromBase64, toBase64 } from '@/lib/bytes'
import { verifyCheckpoint, type VerifiedCheckpoint } from '@/verify'
import { LiveStream, type StreamState, type Transports } from '@/lib/live'
import { parseTime, synchronise, toMillis } from '@/lib/time'
import type { Entry } from '@/model/events'
import { serverClock } from '@/stores/clock'
import { api, call } from './client'
import { broken, entryAt, ledger, markChecked, newestCheckpoint, prove } from './trust'

type Listener = (entry: Entry) => void

export const streamState = shallowRef<StreamState>({ name: 'connecting', transport: 'socket', attempt: 0 })
/** Up to here every entry since the page was opened has been checked; −1 before the first. */
export const checkedTo = shallowRef(-1)
/** Entries that came while the connection was lost, all of them caught up with and checked. */
export const missed = shallowRef<{ from: number; to: number } | null>(null)
/** The newest checkpoint whose signature held here, and when it reached us (server time, ms). */
export const checkpoint = shallowRef<{ value: VerifiedCheckpoint; atMs: number } | null>(null)

const listeners = new Set<Listener>()
let started: Promise<number> | null = null

const transports: Transports = {
  socket: (protocols) => new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/v1/live`, protocols) as never,
  events(from, onText, onFail) {
    const source = new EventSource(`/api/v1/stream?scope=ledger&from=${from}`)
    source.onmessage = ({ data }) => onText(String(data))
    // The stream client reconnects by itself, with its own patience.
    source.onerror = () => {
      source.close()
      onFail()
    }
    return () => source.close()
  },
}

/** Starts the stream if it is not running; the seq from which on listeners get entries. */
export function startFeed(): Promise<number> {
  started ??= begin().catch((error: unknown) => {
    started = null
    throw error
  })
  return started
}

async function begin(): Promise<number> {
  void keepTime()
  const { origin } = await ledger()
  const newest = await newestCheckpoint()
  checkpoint.value = { value: newest, atMs: serverClock.nowMs() }
  let anchor = null
  if (newest.size > 0) {
    const head = await entryAt(newest.size - 1)
    await prove(head)
    anchor = { seq: head.seq, hash: fromBase64(head.hash), time: head.time }
    checkedTo.value = head.seq
  }
  const stream = new LiveStream({
    scope: 'ledger',
    origin,
    transports,
    anchor,
    onEntry(linked) {
      const hash = toBase64(linked.hash)
      markChecked(linked.seq, hash)
      checkedTo.value = linked.seq
      const entry: Entry = { seq: linked.seq, time: linked.time, hash, payload: linked.payload }
      for (const listener of listeners) listener(entry)
    },
    onState(state) {
      streamState.value = state
      if (state.name === 'broken') broken.add(state.seq)
    },
    onHeartbeat: (_head, _time, text) => void (text && takeCheckpoint(text)),
    onCaughtUp: (span) => void (missed.value = span),
  })
  stream.start()
  window.addEventListener('online', () => stream.hurry())
  return newest.size
}

async function takeCheckpoint(text: string): Promise<void> {
  try {
    const value = await verifyCheckpoint(text, await ledger())
    if (value.size >= (checkpoint.value?.value.size ?? 0)) checkpoint.value = { value, atMs: serverClock.nowMs() }
  } catch {
    // A checkpoint that does not hold is not shown; the one that did stays, and grows old in sight.
  }
}

export function listen(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const TIME_EVERY_MS = 60_000

/** The server's clock: a few round trips at once, then one a minute. */
export async function keepTime(): Promise<void> {
  const ask = async () => toMillis(parseTime((await call(api.GET('/api/v1/time'))).time))
  await synchronise(serverClock, ask).catch(() => undefined)
  setInterval(() => void synchronise(serverClock, ask, 1).catch(() => undefined), TIME_EVERY_MS)
}
