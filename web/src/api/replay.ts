/**
 * The replay of the rules for the desks and the hall: the whole ledger as this viewer may read it, decided again in this
 * browser by the server's own rules (`@/verify/rules`) on a thread of their own.
 */

import type { RawEntry } from '@/verify'
import { packEntries, type Progress, type Report, type Told, type Trust } from '@/verify/rules'
import { RulesThread } from '@/verify/thread'
import { text } from './client'
import { ledger, LEDGER, wholeChain } from './trust'

/** Where the server keeps the compiled rules; `npm run verifier` puts them there. */
export const RULES_URL = '/verifier.wasm'

let started: Promise<RulesThread> | null = null

/** The worker with the rules, started once a visit. */
export function rules(): Promise<RulesThread> {
  started ??= start().catch((error: unknown) => {
    started = null
    throw error
  })
  return started
}

async function start(): Promise<RulesThread> {
  const response = await fetch(RULES_URL)
  if (!response.ok) throw new Error(`${RULES_URL}: ${response.status}`)
  const module = await WebAssembly.compileStreaming(response)
  return new RulesThread(new Worker(new URL('../verify/worker.ts', import.meta.url), { type: 'module' }), module)
}

/**
 * Checks everything of docs/ledger-format.md §6 on entries 0, 1, 2 … up to what `checkpoint` commits to, or on a bundle's
 * bytes: `report.first_failure` names the first entry that does not hold. Throws only when it could not run.
 */
export async function replay(
  input: { entries: readonly RawEntry[]; checkpoint: string } | Uint8Array<ArrayBuffer>,
  trust: Trust = {},
  progress?: Progress,
): Promise<Told<Report>> {
  const thread = await rules()
  if (input instanceof Uint8Array) {
    await thread.ask({ do: 'open' }, input)
    return thread.ask({ do: 'verify', trust }, undefined, progress)
  }
  const { entries, checkpoint } = input
  return thread.ask({ do: 'entries', checkpoint, trust }, packEntries(entries), progress)
}

/** Fetches the whole ledger and replays it. `onFetched` hears how many entries are here. */
export async function replayLedger(
  onFetched: Progress = () => {},
  progress?: Progress,
  stopped = () => false,
): Promise<Told<Report>> {
  const { verifierKey } = await ledger()
  const checkpoint = await text(`/ledger/${LEDGER}/checkpoint`)
  const size = Number(checkpoint.split('\n')[1])
  const entries: RawEntry[] = []
  await wholeChain(
    size,
    (done) => onFetched(done, size),
    stopped,
    (raw) => entries.push(raw),
  )
  return replay({ entries, checkpoint }, { key: verifierKey }, progress)
}
