/**
 * The bidder's keys: Ed25519 in WebCrypto, kept in IndexedDB, not extractable. One identity key for the company, a fresh
 * lot key for each lot, so that nobody can link a bidder's numbers across lots.
 *
 * A key exists outside this browser only sealed: at its creation its PKCS#8 bytes are encrypted under a key derived from
 * the person's passphrase, then imported again as non-extractable. The derived key is kept (not extractable either), so
 * that a lot key made at sign-up is in the next backup file without asking for the passphrase once more.
 */

import { fromBase64, randomBytes, toBase64, utf8, type Bytes } from './bytes'
import { jwkOf, keyOfJwk, thumbprint, type Json, type Jwk } from '@/verify'

/** OWASP's floor for PBKDF2-HMAC-SHA-256 (2023). */
export const PBKDF2_ITERATIONS = 600_000
export const PASSPHRASE_CHARS_MIN = 10
const BACKUP_TYPE = 'mingjian-key-backup'

export type KeyName = 'identity' | `lot/${string}`

export interface StoredKey {
  name: KeyName
  jwk: Jwk
  kid: string
  privateKey: CryptoKey
  sealed: { iv: string; data: string }
  createdAt: string
}

interface Vault {
  salt: Bytes
  iterations: number
  wrapping: CryptoKey
}

/** Where records live; IndexedDB in a browser. */
export interface KeyStorage {
  get(id: string): Promise<unknown>
  put(id: string, value: unknown): Promise<void>
  entries(): Promise<[string, unknown][]>
}

export interface KeyBackup {
  type: typeof BACKUP_TYPE
  v: 1
  kdf: { name: 'PBKDF2-SHA-256'; iterations: number; salt: string }
  cipher: 'AES-256-GCM'
  keys: { name: KeyName; jwk: Jwk; created_at: string; iv: string; data: string }[]
}

export type KeyFault =
  'passphrase_short' | 'no_vault' | 'exists' | 'missing' | 'wrong_passphrase' | 'not_a_backup' | 'unsupported'

export class KeyError extends Error {
  constructor(readonly fault: KeyFault) {
    super(fault)
  }
}

async function deriveWrapping(passphrase: string, salt: Bytes, iterations: number): Promise<CryptoKey> {
  const text = await crypto.subtle.importKey('raw', utf8(passphrase.normalize('NFKC')), 'PBKDF2', false, ['deriveKey'])
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations }
  return crypto.subtle.deriveKey(parameters, text, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

/** The sealed bytes are bound to the name and the public key they belong to. */
const boundTo = (name: KeyName, jwk: Jwk): Bytes => utf8(`${BACKUP_TYPE}/v1\n${name}\n${jwk.x}`)

export class Keyring {
  constructor(
    private readonly storage: KeyStorage,
    private readonly iterations = PBKDF2_ITERATIONS,
  ) {}

  async hasVault(): Promise<boolean> {
    return (await this.storage.get('vault')) !== undefined
  }

  /** Once per browser, before the first key. */
  async createVault(passphrase: string): Promise<void> {
    if ([...passphrase].length < PASSPHRASE_CHARS_MIN) throw new KeyError('passphrase_short')
    if (await this.hasVault()) throw new KeyError('exists')
    const salt = randomBytes(16)
    const wrapping = await deriveWrapping(passphrase, salt, this.iterations)
    await this.storage.put('vault', { salt, iterations: this.iterations, wrapping } satisfies Vault)
  }

  async get(name: KeyName): Promise<StoredKey | null> {
    return ((await this.storage.get(`key/${name}`)) as StoredKey | undefined) ?? null
  }

  async list(): Promise<StoredKey[]> {
    const entries = await this.storage.entries()
    return entries.filter(([id]) => id.startsWith('key/')).map(([, value]) => value as StoredKey)
  }

  /** A fresh key; never replaces one. */
  async create(name: KeyName): Promise<StoredKey> {
    const vault = (await this.storage.get('vault')) as Vault | undefined
    if (!vault) throw new KeyError('no_vault')
    if (await this.get(name)) throw new KeyError('exists')
    let pair: CryptoKeyPair
    try {
      pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair
    } catch {
      throw new KeyError('unsupported')
    }
    const jwk = jwkOf(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)))
    const secret = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey))
    try {
      const iv = randomBytes(12)
      const cipher = { name: 'AES-GCM', iv, additionalData: boundTo(name, jwk) }
      const data = new Uint8Array(await crypto.subtle.encrypt(cipher, vault.wrapping, secret))
      return await this.keep(name, jwk, secret, { iv: toBase64(iv), data: toBase64(data) }, new Date().toISOString())
    } finally {
      secret.fill(0)
    }
  }

  private async keep(
    name: KeyName,
    jwk: Jwk,
    secret: Bytes,
    sealed: StoredKey['sealed'],
    createdAt: string,
  ): Promise<StoredKey> {
    const privateKey = await crypto.subtle.importKey('pkcs8', secret, 'Ed25519', false, ['sign'])
    const stored: StoredKey = { name, jwk, kid: await thumbprint(jwk), privateKey, sealed, createdAt }
    await this.storage.put(`key/${name}`, stored)
    return stored
  }

  async sign(name: KeyName, message: Bytes): Promise<Bytes> {
    const stored = await this.get(name)
    if (!stored) throw new KeyError('missing')
    return new Uint8Array(await crypto.subtle.sign('Ed25519', stored.privateKey, message))
  }

  /** The file that the person keeps: every key, each sealed under the passphrase. */
  async backup(): Promise<KeyBackup> {
    const vault = (await this.storage.get('vault')) as Vault | undefined
    if (!vault) throw new KeyError('no_vault')
    const keys = (await this.list()).map((key) => ({
      name: key.name,
      jwk: key.jwk,
      created_at: key.createdAt,
      ...key.sealed,
    }))
    keys.sort((a, b) => (a.name < b.name ? -1 : 1))
    const kdf = { name: 'PBKDF2-SHA-256' as const, iterations: vault.iterations, salt: toBase64(vault.salt) }
    return { type: BACKUP_TYPE, v: 1, kdf, cipher: 'AES-256-GCM', keys }
  }

  /** Into a fresh browser, or to add what is missing here; keys that are here already stay. Returns how many came. */
  async restore(text: string, passphrase: string): Promise<number> {
    const file = readBackup(text)
    const salt = fromBase64(file.kdf.salt)
    const wrapping = await deriveWrapping(passphrase, salt, file.kdf.iterations)
    let restored = 0
    for (const key of file.keys) {
      const cipher = { name: 'AES-GCM', iv: fromBase64(key.iv), additionalData: boundTo(key.name, key.jwk) }
      let secret: Bytes
      try {
        secret = new Uint8Array(await crypto.subtle.decrypt(cipher, wrapping, fromBase64(key.data)))
      } catch {
        throw new KeyError('wrong_passphrase')
      }
      try {
        if (await this.get(key.name)) continue
        // Sealed again under this browser's own vault, which may have another passphrase and salt.
        const vault = await this.vaultOr({ salt, iterations: file.kdf.iterations, wrapping })
        const iv = randomBytes(12)
        const data = new Uint8Array(await crypto.subtle.encrypt({ ...cipher, iv }, vault.wrapping, secret))
        await this.keep(key.name, key.jwk, secret, { iv: toBase64(iv), data: toBase64(data) }, key.created_at)
        restored++
      } finally {
        secret.fill(0)
      }
    }
    return restored
  }

  private async vaultOr(offered: Vault): Promise<Vault> {
    const own = (await this.storage.get('vault')) as Vault | undefined
    if (!own) await this.storage.put('vault', offered)
    return own ?? offered
  }
}

function readBackup(text: string): KeyBackup {
  try {
    const file = JSON.parse(text) as KeyBackup
    if (file.type !== BACKUP_TYPE || file.v !== 1 || file.kdf.name !== 'PBKDF2-SHA-256')
      throw new KeyError('not_a_backup')
    // A file with a tiny count would let a guesser test passphrases fast; a huge one would hang the page.
    if (!Number.isSafeInteger(file.kdf.iterations) || file.kdf.iterations > 10_000_000)
      throw new KeyError('not_a_backup')
    for (const key of file.keys) {
      keyOfJwk(key.jwk as unknown as Json)
      if (key.name !== 'identity' && !/^lot\/[0-9A-Z]{26}$/.test(key.name)) throw new KeyError('not_a_backup')
    }
    return file
  } catch {
    throw new KeyError('not_a_backup')
  }
}

const DATABASE = 'mingjian'
const RECORDS = 'records'

/** One object store, records by id; opened lazily. */
export function indexedDbStorage(factory: IDBFactory = indexedDB): KeyStorage {
  const settled = <T>(request: IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  let opened: Promise<IDBDatabase> | null = null
  const open = () =>
    (opened ??= (() => {
      const request = factory.open(DATABASE, 1)
      request.onupgradeneeded = () => request.result.createObjectStore(RECORDS)
      return settled(request)
    })())
  const records = async (mode: IDBTransactionMode) =>
    (await open()).transaction(RECORDS, mode, { durability: 'strict' }).objectStore(RECORDS)
  return {
    get: async (id) => settled((await records('readonly')).get(id)),
    put: async (id, value) => {
      const store = await records('readwrite')
      await new Promise<void>((resolve, reject) => {
        store.put(value, id)
        store.transaction.oncomplete = () => resolve()
        store.transaction.onerror = store.transaction.onabort = () => reject(store.transaction.error)
      })
    },
    entries: async () => {
      const store = await records('readonly')
      const [ids, values] = await Promise.all([settled(store.getAllKeys()), settled(store.getAll())])
      return ids.map((id, i) => [String(id), values[i]])
    },
  }
}
