/** What each screen shows. Amounts are 分, times microseconds; the server's documents are turned into these once, at the edge. */

import type { Fen } from '@/lib/money'
import type { Micros } from '@/lib/time'
import type { Standing } from '@/verify'
import type { Category, Entry } from './events'
import type { LotState, Phase } from './lot'

export interface CheckpointView {
  size: number
  root: string
  signedAt: Micros
  required: number
  witnesses: { name: string; cosignedAt: Micros | null }[]
  /** Stamps of the last minute, ms since 1970. */
  recentEntriesMs: number[]
  recentCheckpointsMs: number[]
}

export interface LiveCard {
  lot: LotState
}

export interface YearView {
  year: number
  from: string
  to: string
  projects: number
  amount: Fen
  byCategory: { category: Category; projects: number; amount: Fen }[]
  /** Twelve months; null for those to come. */
  months: (Record<Category, Fen> | null)[]
  saved: Fen
  savedOf: Fen
  premium: Fen
  premiumOver: Fen
  evidence: { from: number; to: number }
}

export interface NoticeRow {
  lotId: string
  title: string
  code: string
  category: Category
  method: string
  place: string
  owner: string
  amount: Fen
  /** The leading price, or the price awarded. */
  price: Fen | null
  noticed: Micros
  /** What comes next by itself: sign-up, opening, the end of the running period; null when nothing does. */
  due: Micros | null
  phase: Phase
  suspended: boolean
  bids: number
  result: ResultRow
}

/** What the list of notices is narrowed by; amounts in 分. */
export interface NoticeFilter {
  category?: Category
  /** Part of the place's name. */
  place?: string
  method?: string
  phases?: Phase[]
  text?: string
  min?: Fen
  max?: Fen
}

export interface NoticePage {
  items: NoticeRow[]
  next: string | null
}

export interface ResultRow {
  lotId: string
  title: string
  owner: string
  phase: Phase
  amount: Fen | null
  /** Premium above the start, or saving below the ceiling, as text. */
  rate: { kind: 'premium' | 'saving'; text: string } | null
  at: Micros
}

export interface HallView {
  live: LiveCard[]
  /** Lots that run and have no card here. */
  moreLive: number
  checkpoint: CheckpointView
  year: YearView
  coming: { when: Micros; method: string; title: string; where: string; lotId: string }[]
  results: ResultRow[]
  origin: string
  verifierKey: string
}

export interface DocumentRow {
  name: string
  sha256: string
  bytes: number
  seq: number
}

export interface LotView {
  lot: LotState
  documents: DocumentRow[]
  /** Labels are keys of the locale files. */
  attributes: { label: string; value: string }[]
  owner: string
  checkpoint: CheckpointView
  entries: Entry[]
}

/** A receipt as this browser keeps it: everything that another computer needs to check it without us. */
export interface ReceiptRow {
  lot: string
  seq: number
  amount: Fen
  time: Micros
  /** Hashes on the way to the root, and the size of the tree under it. */
  pathLength: number
  size: number
  statement: string
  leaf: string
  payload: string
  /** C2SP tlog-proof, as it was given first: never replaced, so that nothing signed is forgotten. */
  proof: string
  /** What the last look at the ledger came to, and when this browser looked; milliseconds since 1970. */
  watched?: { at: number; since: number; standing: Standing }
}

export interface RoomView extends LotView {
  /** Null for whoever only watches. */
  number: number | null
  /** The lot key's name; null when this browser does not have the key. */
  kid: string | null
  deposit: Fen
  receipts: ReceiptRow[]
  origin: string
}

export interface WallTile {
  lot: LotState
  room: string
  camera: 'recording' | 'silent' | 'gap'
  level: number
  gaps: number
  bidsPerMinute: number
  lastSeq: number
  lagMs: number
  alarm: string | null
  warning: boolean
  /** Without a public price: progress of what goes on, or nothing at all before the opening. */
  progress?: { done: number; total: number; word: string } | 'sealed'
}

export interface TapeRow {
  seq: number
  /** Leaves of other lots between this row and the one before. */
  skipped: number
  time: Micros
  kind: string
  actor: string
  text: string
  strong: string
  hash: string
  link: 'ok' | 'wait' | 'bad'
  tone: 'plain' | 'muted' | 'warn' | 'note'
  cited: boolean
}

export interface AlarmView {
  id: string
  severity: 'high' | 'medium' | 'info'
  title: string
  facts: { label: string; value: string }[]
  remark: string
  /** Of the five steps 预警, 分办, 处置, 督办, 反馈. */
  step: number
  actions: string[]
}

export interface FloorView {
  centre: string
  entriesToday: number
  viewer: string
  tiles: WallTile[]
  selected: string
  tape: TapeRow[]
  alarms: AlarmView[]
  closed: { time: string; text: string; minutes: number }[]
  checkpoint: CheckpointView
  consistent: { from: number; to: number }
  head: number
  node: string
  camera: {
    id: string
    title: string
    db: number
    segment: string
    clockErrorMs: number
    gaps: number
    viewedAs: number
  }
}

export interface CheckRow {
  key: string
  count: string
  seconds: string
  state: 'held' | 'remark' | 'broken' | 'running'
  detail: string
  remark?: string
}

export interface FindingRow {
  key: string
  version: string
  value: string
  threshold: string
  /** Where the value and the threshold stand on the bar, 0…100, and which side is flagged. */
  at: number
  limit: number
  side: 'below' | 'above'
  text: string
  verdict: 'open' | 'cleared' | 'upheld'
}

export interface ReviewView {
  title: string
  subtitle: string
  caseFacts: { label: string; value: string }[]
  viewedAs: number
  lotId: string
  entries: Entry[]
  life: { label: string; date: string; at: number }[]
  cameras: { id: string; gaps: { from: Micros; to: Micros }[]; clips: { from: Micros; to: Micros }[] }[]
  questions: { asked: Micros; answered: Micros; text: string }[]
  checks: CheckRow[]
  findings: FindingRow[]
  findingsBelow: number
  size: number
  /** Base64 root of the checkpoint that the report was made under. */
  root: string
  clip: { clockErrorMs: number; keptUntil: string } | null
  pathSteps: ('left' | 'right')[]
}
