/** The file that was dropped on the page: opened, verified, read lot by lot, all by the rules on their own thread. */
import { shallowReactive } from 'vue'
import { toHex } from '@/lib/bytes'
import { applyToLot, emptyLot, type LotState } from '@/model/lot'
import {
  parseVerifierKey,
  readEntry,
  verifyCheckpoint,
  verifyReceipt,
  leafHash,
  withRotations,
  type Handover,
  type ReadEntry,
} from '@/verify'
import { utf8 } from '@/lib/bytes'
import type {
  CaseClip,
  CaseManifest,
  CaseReport,
  LotEntries,
  LotItem,
  Manifest,
  ReceiptReport,
  Report,
  Told,
  Trust,
} from '@/verify/rules'
import type { RulesThread } from '@/verify/thread'

/** A clip as it is played: each part by itself, for a new part begins with an init segment of its own. */
export interface Clip {
  of: CaseClip
  /** Null where a file of the part is not in the case. */
  parts: ({ url: string; files: number } | null)[]
}

/** What the second implementation, which shares no code with the rules, found of what it looked at. */
export interface SecondOpinion {
  entries: number
  receipts: number
  fault: string | null
}

export interface Finding {
  told: Told<Report> | Told<CaseReport>
  ms: number
}

export interface ReceiptFinding {
  file: string
  told: Told<ReceiptReport> | null
  fault: string | null
}

export const isCase = (manifest: Manifest | CaseManifest): manifest is CaseManifest => manifest.type === 'mingjian-case'

/** Files larger than this do not fit beside themselves into the memory of a browser's verifier. */
export const FILE_BYTES_MAX = 1_500_000_000
const RECEIPT_BYTES_MAX = 400_000

export interface State {
  stage: 'empty' | 'reading' | 'verifying' | 'done' | 'failed'
  file: string
  sha256: string
  bytes: number
  manifest: Manifest | CaseManifest | null
  done: number
  of: number
  finding: Finding | null
  /** Why it could not be verified at all: it says nothing about the ledger. */
  failure: string | null
  lots: [string, LotItem][]
  lot: { id: string; about: LotItem | null; entries: ReadEntry[]; state: LotState } | null
  clips: Clip[]
  second: SecondOpinion | null
  receipts: ReceiptFinding[]
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b
export function useFile(start: () => RulesThread) {
  const state = shallowReactive<State>({
    stage: 'empty',
    file: '',
    sha256: '',
    bytes: 0,
    manifest: null,
    done: 0,
    of: 0,
    finding: null,
    failure: null,
    lots: [],
    lot: null,
    clips: [],
    second: null,
    receipts: [],
  })
  let rules = start()

  function forget(): void {
    for (const part of state.clips.flatMap((clip) => clip.parts)) if (part) URL.revokeObjectURL(part.url)
    Object.assign(state, {
      manifest: null,
      finding: null,
      failure: null,
      lots: [],
      lot: null,
      clips: [],
      second: null,
      done: 0,
      of: 0,
    })
  }

  /** Files of both kinds at once: ledgers first, so that receipts can be held against them. */
  async function take(files: readonly File[], trust: Trust): Promise<void> {
    for (const file of files) {
      if (file.size > FILE_BYTES_MAX) {
        forget()
        Object.assign(state, { stage: 'failed', file: file.name, failure: 'too_large' })
        continue
      }
      const bytes = new Uint8Array(await file.arrayBuffer())
      if (isZip(bytes)) await open(file.name, bytes, trust)
      else await receipt(file.name, bytes, trust)
    }
  }

  async function open(name: string, bytes: Uint8Array<ArrayBuffer>, trust: Trust): Promise<void> {
    forget()
    // A fresh thread: whatever an earlier file did to the old one is gone with it.
    rules.stop()
    rules = start()
    Object.assign(state, { stage: 'reading', file: name, bytes: bytes.length, sha256: '' })
    try {
      state.sha256 = toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
      state.manifest = await rules.ask<Manifest | CaseManifest>({ do: 'open' }, bytes)
      await verify(trust)
    } catch (error) {
      Object.assign(state, { stage: 'failed', failure: words(error) })
    }
  }

  async function verify(trust: Trust): Promise<void> {
    Object.assign(state, { stage: 'verifying', finding: null, done: 0, of: 0, failure: null })
    const from = performance.now()
    const told = await rules.ask<Told<Report> | Told<CaseReport>>({ do: 'verify', trust }, undefined, (done, of) =>
      Object.assign(state, { done, of }),
    )
    state.finding = { told, ms: performance.now() - from }
    state.lots = Object.entries(await rules.ask<Record<string, LotItem>>({ do: 'lots' }))
    const manifest = state.manifest!
    const lot = isCase(manifest) ? manifest.lot : (state.lots[0]?.[0] ?? null)
    if (lot) await show(lot)
    if (isCase(manifest)) await clips()
    state.stage = 'done'
    await secondOpinion(trust)
  }

  async function show(id: string): Promise<void> {
    const { project, entries } = await rules.ask<LotEntries>({ do: 'lot', lot: id })
    const origin = state.manifest!.origin
    const read = await Promise.all(entries.map((raw) => readEntry(raw, origin)))
    const lot = emptyLot(id)
    if (project) applyToLot(lot, await readEntry(project, origin))
    for (const entry of read) applyToLot(lot, entry)
    state.lot = { id, about: state.lots.find(([key]) => key === id)?.[1] ?? null, entries: read, state: lot }
  }

  /** An init segment and its segments, one behind the other, are a file that a browser plays. */
  async function clips(): Promise<void> {
    const found: Clip[] = []
    for (const of of await rules.ask<CaseClip[]>({ do: 'clips' })) {
      const parts: Clip['parts'] = []
      for (const names of of.parts) {
        if (!names) {
          parts.push(null)
          continue
        }
        const files: BlobPart[] = []
        // Hashed by the rules before they hand it out.
        for (const name of names) files.push(await rules.askBytes({ do: 'file', name }))
        parts.push({ url: URL.createObjectURL(new Blob(files, { type: 'video/mp4' })), files: names.length })
      }
      found.push({ of, parts })
    }
    state.clips = found
  }

  /** The same checks once more by the page's own TypeScript on WebCrypto: checkpoint, the lot's entries, its receipts. */
  async function secondOpinion(trust: Trust): Promise<void> {
    const manifest = state.manifest!
    const opinion: SecondOpinion = { entries: state.lot?.entries.length ?? 0, receipts: 0, fault: null }
    try {
      const log = await parseVerifierKey(trust.key ?? manifest.verifier_key)
      const handovers = await rules.ask<Handover[]>({ do: 'rotations' })
      const own = { origin: manifest.origin, log, witnesses: [], quorum: 0 }
      const believed = await withRotations(own, handovers)
      const checkpoint = await rules.ask<string>({ do: 'checkpoint' })
      const head = await verifyCheckpoint(checkpoint, believed)
      if (head.size !== manifest.size) throw new Error('the manifest says another size')
      const broken = state.lot?.entries.find((entry) => entry.payloadHolds === false)
      if (broken) throw new Error(`entry ${broken.seq}: the payload does not hash to the leaf`)
      if (isCase(manifest)) {
        for (const name of Object.keys(manifest.files).filter((n) => /^receipts\/\d+\.json$/.test(n))) {
          const text = new TextDecoder().decode(await rules.askBytes({ do: 'file', name }))
          const kept = JSON.parse(text) as { leaf: string; proof: string }
          await verifyReceipt(kept.proof, await leafHash(utf8(kept.leaf)), believed)
          opinion.receipts++
        }
      }
    } catch (error) {
      opinion.fault = words(error)
    }
    state.second = opinion
  }

  async function receipt(name: string, bytes: Uint8Array<ArrayBuffer>, trust: Trust): Promise<void> {
    let told: Told<ReceiptReport> | null = null
    let fault: string | null = null
    try {
      if (bytes.length > RECEIPT_BYTES_MAX) throw new Error('too_large')
      if (state.manifest && state.stage === 'done') {
        const key = trust.key ?? state.manifest.verifier_key
        told = await rules.ask({ do: 'receipt_against', trust: { ...trust, key } }, bytes)
      } else if (trust.key) {
        told = await rules.ask({ do: 'receipt', trust }, bytes)
      } else {
        fault = 'needs_key'
      }
    } catch (error) {
      fault = words(error)
    }
    state.receipts = [{ file: name, told, fault }, ...state.receipts.filter((r) => r.file !== name)]
    if (state.stage === 'empty' || state.stage === 'failed') state.failure = null
  }

  const recheck = async (trust: Trust): Promise<void> => {
    if (!state.manifest) return
    try {
      await verify(trust)
    } catch (error) {
      Object.assign(state, { stage: 'failed', failure: words(error) })
    }
  }

  return { state, take, show, recheck }
}
