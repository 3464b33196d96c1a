/** The rules on a thread of their own. One message is one question; answers and progress carry its number. */

import { Rules, type Compiled, type Request } from './rules'

export interface Asked {
  id: number
  request: Request
  file?: Uint8Array<ArrayBuffer>
}
export type Heard =
  { id: number; progress: [number, number] } | { id: number; ok: unknown } | { id: number; error: string }

/** What a worker's scope offers of what is used here. */
interface Scope {
  onmessage: ((event: MessageEvent<Compiled | Asked>) => void) | null
  postMessage(message: Heard): void
}

const scope = globalThis as unknown as Scope
/** Milliseconds between two messages about progress. */
const PROGRESS_EVERY = 50
let compiled: Compiled | null = null
let rules: Promise<Rules> | null = null

scope.onmessage = ({ data }) => {
  if (data instanceof WebAssembly.Module || data instanceof ArrayBuffer) compiled = data
  else void answer(data)
}

async function answer({ id, request, file }: Asked): Promise<void> {
  try {
    if (!compiled) throw new Error('the rules are not loaded')
    rules ??= Rules.load(compiled)
    let said = 0
    const ok = (await rules).ask(request, file, (done, of) => {
      if (performance.now() - said < PROGRESS_EVERY && done < of) return
      said = performance.now()
      scope.postMessage({ id, progress: [done, of] })
    })
    scope.postMessage({ id, ok })
  } catch (error) {
    // A trap leaves the module in an unknown state; whoever asks next starts with a fresh one.
    if (error instanceof WebAssembly.RuntimeError) rules = null
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) })
  }
}
