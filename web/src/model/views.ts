/** What each screen shows. Amounts are 分, times microseconds; the server's documents are turned into these once, at the edge. */

import type { Fen } from '@/lib/money'
import type { Micros } from '@/lib/time'
import type { Category, Entry } from './events'
import type { LotState } from './lot'

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
  watchers: number | null
  /** An opening without a public price: how far the reading-out is. */
  opening?: { read: number; total: number; ceiling: Fen; since: Micros }
  /** Entries of the lot seen so far; the newest is the proof of the card. */
  checked: 'ok' | 'wait' | 'bad'
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

export type NoticeState = 'documents' | 'sign_up' | 'postponed' | 'due_today' | 'suspended'

export interface NoticeRow {
  lotId: string
  title: string
  code: string
  category: Category
  method: string
  amount: Fen
  due: Micros
  state: NoticeState
  seq: number
}

export interface ResultRow {
  lotId: string
  title: string
  kind: 'deal' | 'candidate' | 'award' | 'failed'
  amount: Fen | null
  /** Premium above the start, or saving below the ceiling, as text. */
  rate: { kind: 'premium' | 'saving'; text: string } | null
  who: string
  state: string
  seq: number
}

export interface HallView {
  live: LiveCard[]
  today: { total: number; done: number }
  checkpoint: CheckpointView
  year: YearView
  notices: { items: NoticeRow[]; total: number; counts: Record<Category | 'all', number> }
  coming: { when: Micros; what: string; title: string; where: string; lotId: string }[]
  results: ResultRow[]
  origin: string
  verifierKey: string
}

export interface DocumentRow { name: string; sha256: string; bytes: number; seq: number }

export interface LotView {
  lot: LotState
  documents: DocumentRow[]
  attributes: { label: string; value: string }[]
  room: string
  owner: string
  checkpoint: CheckpointView
  entries: Entry[]
}

export interface CameraView {
  id: string
  room: string
  state: 'recording' | 'gap' | 'off'
  levels: number[]
  db: number | null
  gaps: number
  clockErrorMs: number
  anchoredAt: number
  keepYears: number
}

export interface ReceiptRow {
  seq: number
  amount: Fen
  time: Micros
  /** How long before the deadline of that moment it came in, ms. */
  earlyMs: number
  pathLength: number
  size: number
  witnesses: string[]
  text: string
}

export interface RoomView extends LotView {
  number: number
  kid: string
  deposit: Fen
  camera: CameraView
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
  camera: { id: string; title: string; db: number; segment: string; clockErrorMs: number; gaps: number; viewedAs: number }
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
