/**
 * The desks' way to the one door (`client`): paths as text, a key for actions that may have to be repeated, all pages of
 * a list. Who signs in and with what token is the session store's business.
 */

import { computed } from 'vue'
import { useSession } from '@/stores/session'
import { api, ApiError, call, setCsrf, type Schemas } from './client'

export { text } from './client'
export { ApiError as Refusal } from './client'
export type Myself = Schemas['Myself']
export type Role = Schemas['Role']

const API = '/api/v1'
type Loose = Record<
  'GET' | 'POST' | 'PUT' | 'DELETE',
  (path: string, init: object) => Promise<{ data?: unknown; error?: unknown; response: Response }>
>
const loose = api as unknown as Loose

async function send<T>(method: keyof Loose, path: string, body?: unknown, key?: string): Promise<T> {
  const headers = key ? { 'Idempotency-Key': key } : {}
  return (await call(loose[method](API + path, { headers, ...(body === undefined ? {} : { body }) }))) as T
}

export const get = <T>(path: string): Promise<T> => send<T>('GET', path)
/** The same `key` with the same body gets the same answer: a retried action is one action. */
export const post = <T = unknown>(path: string, body?: unknown, key?: string): Promise<T> =>
  send<T>('POST', path, body, key)
export const put = <T = unknown>(path: string, body?: unknown): Promise<T> => send<T>('PUT', path, body)
export const del = (path: string): Promise<void> => send<void>('DELETE', path)

/** What to say of a failed call. */
export const wordsOf = (error: unknown, offline: string): string =>
  error instanceof ApiError ? (error.words ?? offline) : offline

/** Whether nothing was answered at all: no finding about the ledger. */
export const isOffline = (error: unknown): boolean => error instanceof ApiError || error instanceof TypeError

/** Who the server takes us for; null until it was asked. */
export const me = computed<Myself | null>(() => useSession().viewer)

/** Asks anew: rights and cases change while one works. */
export async function whoAmI(): Promise<Myself> {
  const session = await get<Schemas['Session']>('/session')
  useSession().viewer = session.viewer
  setCsrf(session.csrf ?? null)
  return session.viewer
}

export const proveAgain = (password: string, totp: string): Promise<void> => useSession().prove(password, totp)

/** All pages of a list. */
export async function all<T>(path: string, pagesMax = 20): Promise<T[]> {
  const items: T[] = []
  let next: string | null = null
  for (let page = 0; page < pagesMax; page++) {
    const at: string =
      next === null ? path : `${path}${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(next)}`
    const part: { items: T[]; next?: string | null } = await get(at)
    items.push(...part.items)
    next = part.next ?? null
    if (next === null) break
  }
  return items
}
