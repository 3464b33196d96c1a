/**
 * The one door to the server: typed by the OpenAPI document (`npm run api`), with the CSRF token and an idempotency key
 * on whatever changes something, and refusals as errors that speak the viewer's language.
 */

import createClient, { type Middleware } from 'openapi-fetch'
import { locale } from '@/i18n'
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Problem = Schemas['Problem']

/** A refusal in the server's words (RFC 9457), or `offline` when there was no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly problem: Problem | null,
  ) {
    super(problem?.title ?? code)
  }

  /** Recorded refusals name the entry that records them. */
  get seq(): number | null {
    return this.problem?.seq ?? null
  }

  /** What to tell the person; null where the server said nothing and the screen has to. */
  get words(): string | null {
    if (!this.problem) return null
    const title = locale.value === 'en' ? this.problem.title_en : this.problem.title
    return this.problem.detail ? `${title} ${this.problem.detail}` : title
  }
}

let csrf: string | null = null
export const setCsrf = (token: string | null): void => void (csrf = token)

const SAFE = new Set(['GET', 'HEAD'])

const guard: Middleware = {
  onRequest({ request }) {
    if (SAFE.has(request.method)) return
    if (csrf) request.headers.set('X-CSRF-Token', csrf)
    // A caller that may have to repeat itself brings its own key; everything else is one attempt, one key.
    if (!request.headers.has('Idempotency-Key')) request.headers.set('Idempotency-Key', crypto.randomUUID())
  },
}

export const api = createClient<paths>({
  baseUrl: typeof location === 'undefined' ? 'http://localhost' : location.origin,
  credentials: 'same-origin',
})
api.use(guard)

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' &&
  body !== null &&
  typeof (body as Problem).code === 'string' &&
  typeof (body as Problem).title === 'string'

/** The body of a good answer; throws `ApiError` for every other, and for none. */
export async function call<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await request
  } catch {
    throw new ApiError('offline', 0, null)
  }
  if (answer.response.ok) return answer.data as T
  const problem = isProblem(answer.error) ? answer.error : null
  throw new ApiError(problem?.code ?? `http_${answer.response.status}`, answer.response.status, problem)
}

/** Plain text, for the ledger's own documents (checkpoint, proofs). */
export async function text(path: string): Promise<string> {
  let response: Response
  try {
    response = await fetch(path, { credentials: 'same-origin' })
  } catch {
    throw new ApiError('offline', 0, null)
  }
  if (response.ok) return response.text()
  const body: unknown = await response.json().catch(() => null)
  const problem = isProblem(body) ? body : null
  throw new ApiError(problem?.code ?? `http_${response.status}`, response.status, problem)
}
