/** Who I am, as the server says; the CSRF token goes to the client and nowhere else. */

import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api, ApiError, call, setCsrf, type Schemas } from '@/api/client'

export type Viewer = Schemas['Myself']

export const useSession = defineStore('session', () => {
  const viewer = shallowRef<Viewer | null>(null)
  const signedIn = computed(() => viewer.value?.account != null)
  const isBidder = computed(() => viewer.value?.role === 'bidder')
  let asked: Promise<void> | null = null

  function take(session: Schemas['Session']): void {
    viewer.value = session.viewer
    setCsrf(session.csrf ?? null)
  }

  /** Asks once a visit; a server that does not answer leaves everybody the public. */
  function load(): Promise<void> {
    asked ??= call(api.GET('/api/v1/session')).then(take, () => void (asked = null))
    return asked
  }

  async function signIn(login: string, password: string, totp: string): Promise<void> {
    take(await call(api.POST('/api/v1/session', { body: { login, password, ...(totp ? { totp } : {}) } })))
  }

  async function signOut(): Promise<void> {
    try {
      await call(api.DELETE('/api/v1/session'))
    } catch (error) {
      // A session that is over already is what was wanted.
      if (!(error instanceof ApiError) || error.status !== 401) throw error
    }
    asked = null
    setCsrf(null)
    await load()
  }

  /** What is sensitive asks for the password again. */
  async function prove(password: string, totp: string): Promise<void> {
    take(await call(api.POST('/api/v1/session/proof', { body: { password, ...(totp ? { totp } : {}) } })))
  }

  return { viewer, signedIn, isBidder, load, signIn, signOut, prove }
})
