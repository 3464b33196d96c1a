/** The list of accounts, page by page. */
import { ref, shallowRef } from 'vue'
import { get, type Role } from '@/api/call'

export interface Account {
  id: string
  login: string
  name: string
  role: Role
  organisation?: string | null
  activated: boolean
  totp_enrolled: boolean
  created_at: string
  disabled_at?: string | null
}

export interface Page<T> {
  items: T[]
  next?: string | null
}

const PAGE = 200

export function useAccounts() {
  const accounts = shallowRef<Account[]>([])
  const next = ref<string | null>(null)

  async function read(after: string | null, before: Account[]): Promise<void> {
    const part = await get<Page<Account>>(
      `/accounts?limit=${PAGE}${after === null ? '' : `&after=${encodeURIComponent(after)}`}`,
    )
    accounts.value = [...before, ...part.items]
    next.value = part.next ?? null
  }
  const load = () => read(null, [])
  const more = () => read(next.value, accounts.value)
  async function all(): Promise<void> {
    while (next.value !== null) await more()
  }

  return { accounts, next, load, more, all }
}
