/** The one key ring of this browser, opened on first use. */
import { indexedDbStorage, Keyring, type KeyStorage } from '@/lib/keys'

let opened: KeyStorage | null = null
const lazily = (): KeyStorage => (opened ??= indexedDbStorage())

export const records: KeyStorage = {
  get: (id) => lazily().get(id),
  put: (id, value) => lazily().put(id, value),
  entries: () => lazily().entries(),
}

export const keyring = new Keyring(records)
