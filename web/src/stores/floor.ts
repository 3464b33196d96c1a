/** 见证大屏: the wall, kept by the stream of all leaves; checkpoints and their consistency; questions and orders. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, triggerRef } from 'vue'
import { all, get, isOffline, me, Refusal, whoAmI, wordsOf } from '@/api/call'
import { entriesOf, isPrefix, ledger, newestCheckpoint, prove } from '@/api/trust'
import { follow } from '@/desk/stream'
import { verifyCheckpoint, type VerifiedCheckpoint } from '@/verify'
import { toBase64 } from '@/lib/bytes'
import type { LiveStream, StreamState } from '@/lib/live'
import { parseTime, synchronise, toMillis, type Micros } from '@/lib/time'
import { known, lotOf, type Entry } from '@/model/events'
import { cameraOf, rooms } from '@/evidence/footage'
import { age, emptyWall, hear, isRunning, newTile, reduceWall, take, type Tile } from '@/model/wall'
import { serverClock } from './clock'
import type { BoxState } from '@/components/StateBox.vue'

/** Entries before the head that are read and chained at the start, so that the tape is not empty. */
const HISTORY = 120
const LOTS_AT_ONCE = 4
const LOTS_PAGE = 100
/** Sessions that one wall shows; a centre of this size has a tenth of it. */
const LOTS_MAX = 500
/** Rows of the large session whose inclusion is proven when they came before the stream. */
const PROVE_ROWS = 14
const QUESTION_LOTS_MAX = 20
const SETTLED_SHOWN = 6
/** Newest questions among which the settled ones are looked for. */
const SETTLED_LOOK = 20
const QUESTIONS_PAGE = 100
/** Waiting questions that one floor shows. */
const QUESTIONS_MAX = 500

export interface QuestionView {
  id: string
  lot: string
  due: string
  open: boolean
  is_order: boolean
  lifted: boolean
  answered: boolean
  overdue: boolean
}
export interface Question extends QuestionView {
  words: string
  raised: Micros | null
  seq: number | null
  dueAt: Micros
  answer: string
  title: string
}
export interface CheckpointState {
  verified: VerifiedCheckpoint | null
  root: string
  seenAt: number
  fault: string | null
  consistent: { from: number; to: number; holds: boolean } | null
}
interface LotSummary {
  id: string
  title: string
  code: string
  phase: string
}

export const useFloor = defineStore('floor', () => {
  const state = ref<BoxState | 'ready'>('loading')
  const detail = ref<string>()
  const wall = shallowRef(emptyWall())
  const selected = ref('')
  const stream = ref<StreamState>({ name: 'connecting', transport: 'socket', attempt: 0 })
  const head = ref(-1)
  const checkpoint = shallowRef<CheckpointState>({
    verified: null,
    root: '',
    seenAt: 0,
    fault: null,
    consistent: null,
  })
  const questions = shallowRef<Question[]>([])
  /** Rises with each entry about an objection or a complaint. */
  const objected = ref(0)
  const titles = new Map<string, string>()
  const facts = new Map<string, { words: string; raised: Micros; seq: number; answer: string }>()
  /** Lots on their way to the wall, each with what the stream said of it meanwhile. */
  const loading = new Map<string, Entry[]>()
  let live: LiveStream | null = null
  let frame = 0
  let asking = false
  let askAgain = false

  const tile = computed<Tile | null>(
    () => wall.value.tiles.get(selected.value) ?? wall.value.tiles.values().next().value ?? null,
  )

  // The model changes at once; the screen is told at most once a frame, however many entries come.
  function redraw(): void {
    if (frame === 0)
      frame = requestAnimationFrame(() => {
        frame = 0
        triggerRef(wall)
      })
  }

  async function load(): Promise<void> {
    state.value = 'loading'
    stop()
    try {
      const viewer = await whoAmI()
      if (!['operator', 'supervisor', 'reviewer'].includes(viewer.role)) {
        state.value = 'forbidden'
        return
      }
      if (!serverClock.estimate())
        await synchronise(serverClock, async () => toMillis(parseTime((await get<{ time: string }>('/time')).time)))
      const first = await newestCheckpoint()
      takeCheckpoint(first)
      wall.value = emptyWall()
      const running = await all<LotSummary>(`/lots?phase=running,disclosing&limit=${LOTS_PAGE}`, LOTS_MAX / LOTS_PAGE)
      const queue = [...running]
      await Promise.all(
        Array.from({ length: LOTS_AT_ONCE }, async () => {
          for (let lot = queue.shift(); lot; lot = queue.shift()) await fetchLot(lot.id, lot)
        }),
      )
      // The large session is one that can be seen, where there is one.
      const seats = await rooms().catch(() => [])
      selected.value ||= (running.find((lot) => cameraOf(seats, lot.id)) ?? running[0])?.id ?? ''
      await askQuestions()
      live = await follow('ledger', {
        from: Math.max(0, first.size - HISTORY),
        onEntry: (e) => onEntry({ ...e, hash: toBase64(e.hash) }),
        onState,
        onHeartbeat,
      })
      state.value = 'ready'
      void proveHistory()
    } catch (error) {
      state.value =
        error instanceof Refusal
          ? error.status === 403
            ? 'forbidden'
            : error.status === 0
              ? 'offline'
              : 'error'
          : 'error'
      detail.value = error instanceof Refusal ? wordsOf(error, '') : undefined
    }
  }

  function onState(next: StreamState): void {
    stream.value = next
    // Nobody knows how old what is shown may be by now.
    if (next.name !== 'live') hear(wall.value, null)
    redraw()
  }

  function stop(): void {
    live?.stop()
    live = null
  }

  async function fetchLot(id: string, summary?: LotSummary): Promise<void> {
    if (loading.has(id) || wall.value.tiles.has(id)) return
    const meanwhile: Entry[] = []
    loading.set(id, meanwhile)
    try {
      const code = summary?.code ?? (await get<{ project: { code: string } }>(`/lots/${id}`)).project.code
      const made = newTile(id)
      for (const entry of await entriesOf(`lot/${id}`)) {
        remember(entry)
        take(made, entry, entry.payloadHolds === false ? 'bad' : 'wait')
      }
      made.lot.code = code
      titles.set(id, made.lot.title)
      for (const entry of meanwhile) take(made, entry, 'ok')
      // What opened in the stretch of history may be over by now.
      if (!isRunning(made.lot)) return
      wall.value.tiles.set(id, made)
      redraw()
    } finally {
      loading.delete(id)
    }
  }

  function onEntry(entry: Entry): void {
    const lag = stream.value.name === 'live' ? lagOf(entry.time) : null
    const unknown = reduceWall(wall.value, entry, lag)
    head.value = Math.max(head.value, entry.seq)
    if (unknown) void fetchLot(unknown)
    if (loading.size > 0 && entry.payload) loading.get(lotOf(entry.payload.subject) ?? '')?.push(entry)
    remember(entry)
    if (entry.payload?.kind.startsWith('feedback.') && state.value === 'ready') void askQuestions()
    if (/^(objection|complaint)\./.test(entry.payload?.kind ?? '')) objected.value++
    redraw()
  }

  function remember(entry: Entry): void {
    if (!entry.payload) return
    const event = known(entry.payload)
    if (event.kind === 'feedback.question_raised')
      facts.set(event.data.question, { words: event.data.text, raised: entry.time, seq: entry.seq, answer: '' })
    if (event.kind === 'feedback.pause_ordered')
      facts.set(event.data.order, { words: event.data.reason, raised: entry.time, seq: entry.seq, answer: '' })
    if (event.kind === 'feedback.answered' && facts.has(event.data.question))
      facts.get(event.data.question)!.answer = event.data.text
  }

  async function askQuestions(): Promise<void> {
    // Whoever comes while an answer is on its way is told by the next one.
    if (asking) return void (askAgain = true)
    asking = true
    try {
      const [open, recent] = await Promise.all([
        all<QuestionView>(`/questions?pending=true&limit=${QUESTIONS_PAGE}`, QUESTIONS_MAX / QUESTIONS_PAGE),
        get<{ items: QuestionView[] }>(`/questions?limit=${SETTLED_LOOK}`),
      ])
      const settled = recent.items.filter((q) => q.answered && (!q.is_order || q.lifted))
      const shown = [...open, ...settled.slice(0, SETTLED_SHOWN)]
      const lacks = (q: QuestionView) =>
        !facts.has(q.id) || !titles.has(q.lot) || (q.answered && facts.get(q.id)!.answer === '')
      const pending = new Set(shown.filter(lacks).map((q) => q.lot))
      for (const lot of [...pending].slice(0, QUESTION_LOTS_MAX)) {
        const made = newTile(lot)
        for (const entry of await entriesOf(`lot/${lot}`)) {
          remember(entry)
          take(made, entry, 'wait')
        }
        titles.set(lot, made.lot.title)
      }
      questions.value = shown.map((q) => {
        const f = facts.get(q.id)
        return {
          ...q,
          dueAt: parseTime(q.due),
          words: f?.words ?? '',
          raised: f?.raised ?? null,
          seq: f?.seq ?? null,
          answer: f?.answer ?? '',
          title: titles.get(q.lot) ?? q.lot,
        }
      })
      // What is no longer shown is not kept either.
      const ids = new Set(shown.map((q) => q.id))
      for (const id of facts.keys()) if (!ids.has(id)) facts.delete(id)
      const lots = new Set([...shown.map((q) => q.lot), ...wall.value.tiles.keys()])
      for (const id of titles.keys()) if (!lots.has(id)) titles.delete(id)
    } catch {
      // The list stays as it was; the next entry asks again.
    } finally {
      asking = false
      if (askAgain) {
        askAgain = false
        void askQuestions()
      }
    }
  }

  function takeCheckpoint(next: VerifiedCheckpoint): void {
    checkpoint.value = {
      ...checkpoint.value,
      verified: next,
      root: toBase64(next.root),
      seenAt: serverClock.nowMs(),
      fault: null,
    }
    head.value = Math.max(head.value, next.size - 1)
  }

  const lagOf = (time: Micros): number => Math.max(0, Math.round(serverClock.nowMs() - toMillis(time)))

  function onHeartbeat(at: number, time: Micros, note: string | null): void {
    head.value = Math.max(head.value, at)
    hear(wall.value, lagOf(time))
    redraw()
    if (note === null) return
    void (async () => {
      const before = checkpoint.value.verified
      try {
        const next = await verifyCheckpoint(note, await ledger())
        if (before && next.size < before.size) return
        const holds = !before || (await isPrefix(before, next))
        takeCheckpoint(next)
        if (before && next.size > before.size)
          checkpoint.value = { ...checkpoint.value, consistent: { from: before.size, to: next.size, holds } }
        if (!holds) checkpoint.value = { ...checkpoint.value, fault: 'consistency' }
      } catch (error) {
        // A lost answer is no finding; a signature that does not hold is.
        if (!isOffline(error)) checkpoint.value = { ...checkpoint.value, fault: 'signature' }
      }
    })()
  }

  /** Rows of the large session that came before the stream are proven one by one, by their path to the signed root. */
  async function proveHistory(): Promise<void> {
    const shown = tile.value
    if (!shown) return
    for (const row of shown.tape.slice(0, PROVE_ROWS)) {
      if (row.link !== 'wait' || !('raw' in row.entry)) continue
      try {
        await prove(row.entry)
        row.link = 'ok'
      } catch (error) {
        if (!isOffline(error)) row.link = 'bad'
      }
      redraw()
      if (tile.value !== shown) return
    }
  }

  function select(id: string): void {
    selected.value = id
    void proveHistory()
  }

  function tick(nowMs: number): void {
    age(wall.value, nowMs, selected.value)
    redraw()
  }

  const waiting = computed(() => questions.value.filter((q) => !q.answered || (q.is_order && !q.lifted)))
  /** Needs a look first: stopped, or asked about. Otherwise in the order of opening, so that no bid moves a tile. */
  const tiles = computed(() => {
    const asked = new Set(waiting.value.map((q) => q.lot))
    const rank = (t: Tile) => (t.lot.stoppedAt !== null ? 0 : asked.has(t.lot.id) ? 1 : isRunning(t.lot) ? 2 : 3)
    const opened = (t: Tile) => t.lot.milestones.running?.seq ?? Number.MAX_SAFE_INTEGER
    return [...wall.value.tiles.values()].sort((a, b) => rank(a) - rank(b) || opened(a) - opened(b))
  })

  return {
    state,
    detail,
    wall,
    tiles,
    selected,
    tile,
    stream,
    head,
    checkpoint,
    questions,
    objected,
    waiting,
    me,
    load,
    stop,
    select,
    tick,
    askQuestions,
    lotOf,
  }
})
