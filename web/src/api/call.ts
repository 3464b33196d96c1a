/**
 * One request to the server, for the screens of those who work here. Lives here: the CSRF token, the idempotency key of
 * an action, and refusals in the server's own words. Must never know: what the requests are about.
 */

import { shallowRef } from 'vue'
import { locale } from '@/i18n'

const API = '/api/v1'

/** RFC 9457, with the platform's stable `code`. */
export interface Problem { code: string; title: string; title_en: string; status: number; detail?: string; seq?: number | null }

export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code)
  }

  get code(): string {
    return this.problem.code
  }

  /** In the reader's language, with what exactly was wrong. */
  get words(): string {
    const { title, title_en, detail } = this.problem
    const head = locale.value === 'en' ? title_en : title
    return detail ? `${head}${locale.value === 'en' ? ' ' : ''}${locale.value === 'en' ? `(${detail})` : `（${detail}）`}` : head
  }
}

/** What to say of a failed call. */
export const wordsOf = (error: unknown, offline: string): string => (error instanceof Refusal ? error.words : offline)

export type Role = 'public' | 'bidder' | 'owner' | 'operator' | 'expert' | 'supervisor' | 'reviewer' | 'system_admin' | 'security_admin' | 'audit_admin'
export interface Organisation { id: string; kind: string; name: string }
export interface Myself {
  account?: string | null
  role: Role
  login?: string | null
  name?: string | null
  organisation?: Organisation | null
  cases: string[]
  proved_recently: boolean
  totp_enrolled: boolean
}
interface SessionView { csrf?: string | null; viewer: Myself }

/** Who the server takes us for; null until it was asked. */
export const me = shallowRef<Myself | null>(null)
let csrf: string | null = null

function take(session: SessionView): Myself {
  csrf = session.csrf ?? null
  me.value = session.viewer
  return session.viewer
}

async function send(method: string, path: string, body?: unknown, key?: string): Promise<Response> {
  const headers: Record<string, string> = {}
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (method !== 'GET') {
    if (csrf) headers['X-CSRF-Token'] = csrf
    headers['Idempotency-Key'] = key ?? crypto.randomUUID()
  }
  const response = await fetch(path, { method, headers, credentials: 'same-origin', ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  if (response.ok) return response
  const problem = (await response.json().catch(() => null)) as Problem | null
  throw new Refusal(problem ?? { code: 'internal', title: `服务答复异常（${response.status}）`, title_en: `The server answered ${response.status}.`, status: response.status })
}

async function json<T>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
  const response = await send(method, API + path, body, key)
  return (response.status === 204 ? undefined : await response.json()) as T
}

export const get = <T>(path: string): Promise<T> => json<T>('GET', path)
/** The same `key` with the same body gets the same answer: a retried action is one action. */
export const post = <T = unknown>(path: string, body?: unknown, key?: string): Promise<T> => json<T>('POST', path, body, key)
export const put = <T = unknown>(path: string, body?: unknown): Promise<T> => json<T>('PUT', path, body)
export const del = (path: string): Promise<void> => json<void>('DELETE', path)
/** Outside the API: checkpoints, proofs, payloads. */
export const text = async (path: string): Promise<string> => (await send('GET', path)).text()

export const whoAmI = async (): Promise<Myself> => take(await get<SessionView>('/session'))
/** Cookie and CSRF token change with it (ASVS 7.2.4). */
export const proveAgain = async (password: string, totp: string): Promise<Myself> =>
  take(await post<SessionView>('/session/proof', { password, ...(totp ? { totp } : {}) }))

/** All pages of a list. */
export async function all<T>(path: string, pagesMax = 20): Promise<T[]> {
  const items: T[] = []
  let next: string | null = null
  for (let page = 0; page < pagesMax; page++) {
    const at: string = next === null ? path : `${path}${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(next)}`
    const part: { items: T[]; next?: string | null } = await get(at)
    items.push(...part.items)
    next = part.next ?? null
    if (next === null) break
  }
  return items
}
