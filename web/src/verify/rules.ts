/**
 * The trading rules themselves, as the server runs them, compiled to WebAssembly (`verifier/`): the full verification of
 * a ledger format §6, the replay included. One call at a time; a worker (`replay`) keeps it off the screen's thread.
 */

import { utf8 } from '@/lib/bytes'
import type { RawEntry } from './entry'

export interface Check {
  name: string
  state: 'held' | 'failed' | 'not_made'
  count: number
  why_not?: { zh: string; en: string }
}

export interface Finding {
  check: string
  rule: string
  seq: number | null
  within?: [number, number]
  expected: string
  found: string
}

export interface Report {
  origin: string
  verifier_key: string
  key_was_given: boolean
  size: number
  root: string
  entries: number
  checked: Check[]
  first_failure: Finding | null
  failures: Finding[]
  missing_payloads: { withheld: number; erased: number; damaged?: number }
  undecided: Record<string, number>
  outcome: {
    projects: number
    lots: number
    phases: Record<string, number>
    bids_accepted: number
    bids_refused: number
    extensions: number
    /** 分, decimal. */
    awarded: string
  }
}

export interface ReceiptReport {
  verdict: 'included' | 'evidence' | 'unproven' | 'proves_nothing'
  origin: string
  index: number
  size: number
  root: string
  newer_size?: number
  time?: string
  kind?: string
  subject?: string
  actor?: string
  faults: string[]
}

/** A report, the exit code of the command for it, and its words. */
export interface Told<R> {
  report: R
  exit_code: number
  zh: string
  en: string
}

/** Whom to believe; without a key the one that the ledger names, and the report says so. */
export interface Trust {
  key?: string
  witnesses?: string[]
  quorum?: number
  /** Signed checkpoints from earlier. */
  earlier?: string[]
}

export interface Newer {
  checkpoint: string
  consistency: string[]
}

/** What a case found beside its ledger's report. */
export interface CaseReport {
  ledger: Report
  files: number
  receipts: number
  consistency: number
  /** References to clips that are those of the ledger. */
  clips: number
  /** Files of these clips that are what was announced, and those that are not in the case. */
  media: number
  media_absent: number
  /** How the case's verify.html stands to the ledger. */
  verifier?: { standing: 'published'; seq: number; version: string } | { standing: 'not_published' | 'another' }
  /** File and reason. */
  faults: [string, string][]
}

export interface Manifest {
  type: string
  origin: string
  size: number
  root: string
  reader: string
  verifier_key: string
  checkpoints: number[]
  missing: { withheld: number; erased: number; damaged?: number }
}

/** `case.json`. */
export interface CaseManifest {
  type: string
  origin: string
  size: number
  root: string
  reader: string
  verifier_key: string
  lot: string
  entries: number
  /** Every other file of the case with its SHA-256. */
  files: Record<string, string>
  missing: { withheld: number; erased: number; damaged?: number }
}

/** A clip of a case: what the ledger says of it, and for each part its files in the order in which they are played. */
export interface CaseClip {
  seq: number
  reference: {
    about: number
    about_kind: string
    camera: string
    asked: { from: string; to: string }
    status: string
    gaps: { from: string; to: string; cause: string }[]
    parts: { from: string }[]
  }
  /** Null where a file of the part is not in the case. */
  parts: (string[] | null)[]
}

export interface LotItem {
  title: string
  code: string
  entries: number
  bids: number
  last: string
}

export interface LotEntries {
  project: RawEntry | null
  entries: RawEntry[]
}

export type Request =
  | { do: 'open' }
  | { do: 'verify'; trust?: Trust; signatures?: boolean }
  | { do: 'entries'; checkpoint: string; trust?: Trust; signatures?: boolean }
  | { do: 'lots' }
  | { do: 'lot'; lot: string }
  | { do: 'checkpoint' }
  | { do: 'clips' }
  | { do: 'rotations' }
  | { do: 'file'; name: string }
  | { do: 'receipt'; trust: Trust; leaf?: string; newer?: Newer }
  | { do: 'receipt_against'; trust: Trust }

export type Progress = (done: number, of: number) => void

interface Exports {
  memory: WebAssembly.Memory
  input(which: number, length: number): number
  run(): number
  output(): number
}

/** The compiled file `verifier.wasm`, or its bytes. */
export type Compiled = WebAssembly.Module | ArrayBuffer

/** The first byte of an answer that is a file's bytes; any other is JSON. */
const BYTES = 1

export class Rules {
  private constructor(
    private readonly exports: Exports,
    private readonly listener: { hear: Progress },
  ) {}

  /** The rules ask their host for nothing but to hear of progress. */
  static async load(compiled: Compiled): Promise<Rules> {
    const module = compiled instanceof WebAssembly.Module ? compiled : await WebAssembly.compile(compiled)
    const listener = { hear: (() => {}) as Progress }
    const host = { progress: (done: number, of: number) => listener.hear(done, of) }
    const { exports } = await WebAssembly.instantiate(module, { host })
    return new Rules(exports as unknown as Exports, listener)
  }

  /** Throws when it could not be done at all; what does not hold is in the report. A file comes as its bytes. */
  ask<T>(request: Request, file: Uint8Array = new Uint8Array(), progress: Progress = () => {}): T {
    this.listener.hear = progress
    this.put(0, file)
    this.put(1, utf8(JSON.stringify(request)))
    const length = this.exports.run()
    const bytes = new Uint8Array(this.exports.memory.buffer, this.exports.output() >>> 0, length)
    if (bytes[0] === BYTES) return bytes.slice(1) as T
    const answer = JSON.parse(new TextDecoder().decode(bytes.subarray(1))) as { ok?: T; error?: string }
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.ok as T
  }

  private put(which: number, bytes: Uint8Array): void {
    // The address is taken first: making room may move the memory.
    const at = this.exports.input(which, bytes.length) >>> 0
    new Uint8Array(this.exports.memory.buffer).set(bytes, at)
  }
}

/** Stands for a payload that is not at hand (docs/bundle-format.md: withheld). */
const WITHHELD = 0xffff

/** Entries as `do: 'entries'` reads them: leaf and payload, each behind its length as a big-endian uint16. */
export function packEntries(entries: readonly RawEntry[]): Uint8Array<ArrayBuffer> {
  const parts = entries.map((e) => [utf8(e.leaf), e.payload === null ? null : utf8(e.payload)] as const)
  const length = parts.reduce((sum, [leaf, payload]) => sum + 4 + leaf.length + (payload?.length ?? 0), 0)
  const out = new Uint8Array(length)
  const view = new DataView(out.buffer)
  let at = 0
  const put = (bytes: Uint8Array | null) => {
    view.setUint16(at, bytes ? bytes.length : WITHHELD)
    if (bytes) out.set(bytes, at + 2)
    at += 2 + (bytes?.length ?? 0)
  }
  for (const [leaf, payload] of parts) {
    put(leaf)
    put(payload)
  }
  return out
}
