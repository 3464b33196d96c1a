/** The page's end of the worker: questions in order, each a promise. */

import type { Compiled, Progress, Request } from './rules'
import type { Asked, Heard } from './worker'

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
  progress: Progress
}

export class RulesThread {
  private readonly waiting = new Map<number, Waiting>()
  private next = 0

  constructor(
    private readonly worker: Worker,
    compiled: Compiled,
  ) {
    worker.onmessage = ({ data }: MessageEvent<Heard>) => this.hear(data)
    worker.onerror = (event) => this.fail(new Error(event.message || 'the verifier stopped'))
    worker.postMessage(compiled)
  }

  ask<T>(request: Request, file?: Uint8Array<ArrayBuffer>, progress: Progress = () => {}): Promise<T> {
    const asked: Asked = { id: this.next++, request, ...(file ? { file } : {}) }
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(asked.id, { resolve: resolve as (value: unknown) => void, reject, progress })
      this.worker.postMessage(asked)
    })
  }

  /** The bytes of a file of the opened case. */
  askBytes(request: Request & { do: 'file' }): Promise<Uint8Array<ArrayBuffer>> {
    return this.ask(request)
  }

  stop(): void {
    this.worker.terminate()
    this.fail(new Error('stopped'))
  }

  private hear(heard: Heard): void {
    const waiting = this.waiting.get(heard.id)
    if (!waiting) return
    if ('progress' in heard) return waiting.progress(...heard.progress)
    this.waiting.delete(heard.id)
    if ('ok' in heard) waiting.resolve(heard.ok)
    else waiting.reject(new Error(heard.error))
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
  }
}
