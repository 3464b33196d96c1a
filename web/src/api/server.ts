/** The real source: REST documents become view models here, once; afterwards the live stream moves them on. */

import { parseFen, percent, type Fen } from '@/lib/money'
import { parseTime, type Micros } from '@/lib/time'
import { toBase64 } from '@/lib/bytes'
import { CATEGORIES, known, type Category, type Method } from '@/model/events'
import { applyToLot, emptyLot, type LotState, type Phase } from '@/model/lot'
import type {
  CheckpointView,
  DocumentRow,
  HallView,
  LotView,
  NoticeFilter,
  NoticePage,
  NoticeRow,
  ResultRow,
  RoomView,
  YearView,
} from '@/model/views'
import { keyring } from '@/stores/keyring'
import { serverClock } from '@/stores/clock'
import { useSession } from '@/stores/session'
import { api, ApiError, call, type Schemas } from './client'
import { checkpoint, listen, startFeed } from './feed'
import { receiptsOf } from './receipts'
import { LoadError, type Source } from './source'
import { entriesOf, ledger, proveAll } from './trust'
import type { ReadEntry } from '@/verify'

/** Cards of running lots that the hall shows: one row. The rest is in the list of notices. */
const LIVE_CARDS_MAX = 4
const COMING_MAX = 6
const RESULTS_MAX = 6

const fen = (text: string | null | undefined): Fen | null => (text == null ? null : parseFen(text))
const time = (text: string | null | undefined): Micros | null => (text == null ? null : parseTime(text))

/** Every failure in the words of `StateBox`. */
async function shown<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if (!(error instanceof ApiError)) throw new LoadError('error', error instanceof Error ? error.message : undefined)
    if (error.status === 0) throw new LoadError('offline')
    if (error.status === 401 || error.status === 403) throw new LoadError('forbidden', error.words ?? undefined)
    if (error.status === 404) throw new LoadError('missing', error.words ?? undefined)
    throw new LoadError('error', error.words ?? undefined)
  }
}

/* ---- checkpoint --------------------------------------------------------------------------------------------------- */

export function checkpointView(): CheckpointView {
  const now = checkpoint.value
  if (!now) throw new LoadError('offline')
  const at = BigInt(Math.round(now.atMs)) * 1000n
  return {
    size: now.value.size,
    root: toBase64(now.value.root),
    signedAt: at,
    required: 0,
    witnesses: now.value.cosigned.map((w) => ({ name: w.name, cosignedAt: BigInt(w.at) * 1_000_000n })),
    recentEntriesMs: [],
    recentCheckpointsMs: [now.atMs],
  }
}

/* ---- lots --------------------------------------------------------------------------------------------------------- */

export function noticeOf(row: Schemas['LotSummary']): NoticeRow {
  return {
    lotId: row.id,
    title: row.title,
    code: row.code,
    category: row.category as Category,
    method: row.method,
    place: row.place,
    owner: row.owner_name,
    amount: fen(row.estimate) ?? fen(row.start) ?? 0n,
    price: fen(row.price),
    noticed: time(row.noticed_at) ?? 0n,
    due: time(row.next_at),
    phase: row.phase as Phase,
    suspended: row.suspended,
    bids: row.bids,
    result: resultOf(row),
  }
}

async function summaries(query: { phase?: string; limit?: number }): Promise<Schemas['LotSummary'][]> {
  return (await call(api.GET('/api/v1/lots', { params: { query } }))).items
}

/** Replays the lot's own entries; what stands in the project (code, place, category) comes from the lot's document. */
export function replay(
  id: string,
  project: { code: string; category: Category; place: string } | null,
  entries: readonly ReadEntry[],
): LotState {
  const lot = emptyLot(id)
  if (project) Object.assign(lot, { code: project.code, category: project.category, place: project.place })
  for (const entry of entries) applyToLot(lot, entry)
  return lot
}

function documentsOf(entries: readonly ReadEntry[]): DocumentRow[] {
  return entries.flatMap((entry) => {
    const event = entry.payload && known(entry.payload)
    return event?.kind === 'lot.noticed' ? (event.data.documents ?? []).map((d) => ({ ...d, seq: entry.seq })) : []
  })
}

export async function lotView(id: string): Promise<LotView> {
  await startFeed()
  const [view, entries] = await Promise.all([
    call(api.GET('/api/v1/lots/{lot}', { params: { path: { lot: id } } })),
    entriesOf(`lot/${id}`),
  ])
  const { project } = view
  return {
    lot: replay(id, { code: project.code, category: project.category, place: project.place }, entries),
    documents: documentsOf(entries),
    owner: project.owner_name,
    checkpoint: checkpointView(),
    entries,
    attributes: [
      { label: 'fact.project', value: project.title },
      { label: 'fact.owner', value: project.owner_name },
      { label: 'fact.place', value: project.place },
      // How many take part is nobody's to know before the opening (招标投标法 art. 22).
      ...(view.numbers?.length ? [{ label: 'fact.bidders', value: String(view.numbers.length) }] : []),
    ],
  }
}

export type Mine = Schemas['Mine']

/** My part in a lot; null for whoever has none. */
export async function mineOf(id: string): Promise<Mine | null> {
  const session = useSession()
  await session.load()
  if (!session.isBidder) return null
  try {
    return await call(api.GET('/api/v1/lots/{lot}/mine', { params: { path: { lot: id } } }))
  } catch (error) {
    if (error instanceof ApiError && [401, 403, 404].includes(error.status)) return null
    throw error
  }
}

async function roomView(id: string): Promise<RoomView> {
  const [view, mine, key, receipts] = await Promise.all([
    lotView(id),
    mineOf(id),
    keyring.get(`lot/${id}`),
    receiptsOf(id),
  ])
  const { origin } = await ledger()
  return {
    ...view,
    origin,
    receipts,
    number: mine?.number ?? null,
    kid: key && mine && key.jwk.x === mine.key.x ? key.kid : null,
    deposit: parseFen(view.lot.rules?.deposit ?? '0'),
  }
}

/* ---- hall --------------------------------------------------------------------------------------------------------- */

const NOTICED: Phase[] = ['noticed', 'sign_up', 'waiting', 'running']

async function notices(filter: NoticeFilter, after: string | null): Promise<NoticePage> {
  const query = {
    limit: 20,
    ...(filter.category ? { category: filter.category } : {}),
    ...(filter.method ? { method: filter.method } : {}),
    ...(filter.phases?.length ? { phase: filter.phases.join(',') } : {}),
    ...(filter.place ? { place: filter.place } : {}),
    ...(filter.text ? { q: filter.text } : {}),
    ...(filter.min !== undefined ? { min: filter.min.toString() } : {}),
    ...(filter.max !== undefined ? { max: filter.max.toString() } : {}),
    ...(after ? { after } : {}),
  }
  const page = await call(api.GET('/api/v1/lots', { params: { query } }))
  return { items: page.items.map(noticeOf), next: page.next ?? null }
}

/** A lot goes down from its ceiling (works, procurement) or up from its start (land, property). */
const SAVES: Record<Category, boolean> = { A: true, B: false, C: false, D: true }

export function yearView(figures: Schemas['Statistics'], nowMs: number): YearView {
  const newest =
    figures.months
      .map((m) => m.month)
      .sort()
      .at(-1) ?? new Date(nowMs).toISOString().slice(0, 7)
  const year = Number(newest.slice(0, 4))
  const last = Number(newest.slice(5, 7))
  const rows = figures.months.filter((m) => m.month.startsWith(`${year}-`))
  const zero = (): Record<Category, Fen> => ({ A: 0n, B: 0n, C: 0n, D: 0n })
  const months = Array.from({ length: 12 }, (_, i) => (i < last ? zero() : null))
  const byCategory = new Map(CATEGORIES.map((category) => [category, { category, projects: 0, amount: 0n }]))
  const sums = { saved: 0n, savedOf: 0n, premium: 0n, premiumOver: 0n }
  for (const row of rows) {
    const category = row.category as Category
    const awarded = fen(row.awarded) ?? 0n
    const start = fen(row.start) ?? 0n
    const month = months[Number(row.month.slice(5, 7)) - 1]
    if (month) month[category] += awarded
    const total = byCategory.get(category)
    if (total) {
      total.amount += awarded
      total.projects += row.projects
    }
    if (SAVES[category]) {
      sums.saved += start - awarded
      sums.savedOf += start
    } else {
      sums.premium += awarded - start
      sums.premiumOver += start
    }
  }
  const all = [...byCategory.values()]
  return {
    year,
    from: `${year}-01`,
    to: newest,
    projects: figures.projects,
    amount: all.reduce((sum, c) => sum + c.amount, 0n),
    byCategory: all,
    months,
    ...sums,
    evidence: { from: 0, to: Math.max(0, figures.size - 1) },
  }
}

export function resultOf(row: Schemas['LotSummary']): ResultRow {
  const price = row.phase === 'failed' || row.phase === 'terminated' ? null : fen(row.price)
  const start = fen(row.start)
  const saves = row.method === 'descending'
  const gain = price !== null && start ? (saves ? start - price : price - start) : null
  return {
    lotId: row.id,
    title: row.title,
    owner: row.owner_name,
    phase: row.phase as Phase,
    amount: price,
    rate: gain === null || !start ? null : { kind: saves ? 'saving' : 'premium', text: percent(gain, start) },
    at: time(row.awarded_at) ?? time(row.closed_at) ?? time(row.noticed_at) ?? 0n,
  }
}

async function hall(): Promise<HallView> {
  await startFeed()
  const [{ origin, verifierKey }, figures, running, coming, results] = await Promise.all([
    ledger(),
    call(api.GET('/api/v1/statistics')),
    summaries({ phase: 'running', limit: 50 }),
    summaries({ phase: 'noticed,sign_up,waiting', limit: 50 }),
    summaries({ phase: 'ranked,publicity,awarded,contracted,archived,failed', limit: 100 }),
  ])
  // What ends first stands first.
  const soonest = [...running]
    .sort((a, b) => ((a.next_at ?? '9') < (b.next_at ?? '9') ? -1 : 1))
    .slice(0, LIVE_CARDS_MAX)
  const newest: ReadEntry[] = []
  const live = await Promise.all(
    soonest.map(async (row) => {
      const entries = await entriesOf(`lot/${row.id}`)
      newest.push(...entries.filter((e) => e.payload).slice(-1))
      return { lot: replay(row.id, { code: row.code, category: row.category as Category, place: row.place }, entries) }
    }),
  )
  // The entry that each card stands on gets its proof while the page is being looked at.
  void proveAll(newest)
  const now = serverClock.now()
  return {
    live,
    moreLive: running.length - live.length,
    checkpoint: checkpointView(),
    year: yearView(figures, serverClock.nowMs()),
    origin,
    verifierKey,
    coming: coming
      .map((row) => ({
        when: time(row.opens_at) ?? 0n,
        method: row.method as Method['name'],
        title: row.title,
        where: row.place,
        lotId: row.id,
      }))
      .filter((row) => row.when > now)
      .sort((a, b) => (a.when < b.when ? -1 : 1))
      .slice(0, COMING_MAX),
    results: results
      .map(resultOf)
      .sort((a, b) => (a.at > b.at ? -1 : 1))
      .slice(0, RESULTS_MAX),
  }
}

export const NOTICE_PHASES = NOTICED

export const serverSource: Source = {
  hall: () => shown(hall),
  notices: (filter, after) => shown(() => notices(filter, after)),
  lot: (id) => shown(() => lotView(id)),
  room: (id) => shown(() => roomView(id)),
  floor: () => Promise.reject(new LoadError('offline')),
  review: () => Promise.reject(new LoadError('offline')),
  // One stream for all: reducers drop what is not theirs and what they have already.
  watch: (_scope, _from, onEntry) => listen(onEntry),
}
