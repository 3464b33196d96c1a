import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { utf8 } from '@/lib/bytes'
import { indexedDbStorage, Keyring, type KeyStorage } from '@/lib/keys'
import { keyOfJwk, signBid, verifyBid, verifyEd25519 } from '@/verify'

/** Few rounds: the tests are about the ring, not about PBKDF2. */
const ROUNDS = 1_000
const LOT = 'lot/01JD9Z5T8Q3W6V2K4M7N0P1R2S'

function memory(): KeyStorage {
  const map = new Map<string, unknown>()
  return { get: async (id) => map.get(id), put: async (id, v) => void map.set(id, v), entries: async () => [...map] }
}

async function ring(storage: KeyStorage = memory()): Promise<Keyring> {
  const keys = new Keyring(storage, ROUNDS)
  await keys.createVault('correct horse battery')
  return keys
}

describe('the key ring', () => {
  it('makes keys that sign and cannot be taken out', async () => {
    const keys = await ring()
    const key = await keys.create(LOT)
    expect(key.privateKey.extractable).toBe(false)
    const message = utf8('message')
    expect(await verifyEd25519(keyOfJwk(key.jwk as never), message, await keys.sign(LOT, message))).toBe(true)
    const claims = {
      amount: 100n,
      issuedAt: 0n,
      ledger: 'l',
      lot: 'x',
      nonce: '018bcfe5-6800-7000-8000-000000000000',
      number: 3,
      seen: { size: 0, root: `${'A'.repeat(43)}=` },
    }
    await verifyBid(await signBid(claims, key.kid, (m) => keys.sign(LOT, m)), key.jwk)
  })

  it('makes another key for each lot and replaces none', async () => {
    const keys = await ring()
    const identity = await keys.create('identity')
    const lot = await keys.create(LOT)
    expect(identity.kid).not.toBe(lot.kid)
    await expect(keys.create(LOT)).rejects.toMatchObject({ fault: 'exists' })
    await expect(keys.sign('lot/00000000000000000000000000', utf8(''))).rejects.toMatchObject({ fault: 'missing' })
  })

  it('asks for a passphrase worth the name, once', async () => {
    const keys = new Keyring(memory(), ROUNDS)
    await expect(keys.createVault('short')).rejects.toMatchObject({ fault: 'passphrase_short' })
    await expect(keys.create('identity')).rejects.toMatchObject({ fault: 'no_vault' })
    await keys.createVault('一二三四五六七八九十')
    await expect(keys.createVault('一二三四五六七八九十')).rejects.toMatchObject({ fault: 'exists' })
  })

  it('comes back from its backup in another browser, and only with the passphrase', async () => {
    const keys = await ring()
    const [identity, lot] = [await keys.create('identity'), await keys.create(LOT)]
    const file = JSON.stringify(await keys.backup())
    const other = new Keyring(memory(), ROUNDS)
    await expect(other.restore(file, 'wrong horse battery')).rejects.toMatchObject({ fault: 'wrong_passphrase' })
    expect(await other.list()).toEqual([])
    expect(await other.restore(file, 'correct horse battery')).toBe(2)
    expect(await other.restore(file, 'correct horse battery')).toBe(0)
    expect((await other.get('identity'))!.kid).toBe(identity.kid)
    const message = utf8('again')
    expect(await verifyEd25519(keyOfJwk(lot.jwk as never), message, await other.sign(LOT, message))).toBe(true)
    expect((await other.get(LOT))!.privateKey.extractable).toBe(false)
    // And a backup of the restored ring opens with the same passphrase.
    expect(
      await new Keyring(memory(), ROUNDS).restore(JSON.stringify(await other.backup()), 'correct horse battery'),
    ).toBe(2)
  })

  it('refuses a backup in which a sealed key was given another name', async () => {
    const keys = await ring()
    await keys.create('identity')
    const file = await keys.backup()
    file.keys[0]!.name = LOT
    await expect(
      new Keyring(memory(), ROUNDS).restore(JSON.stringify(file), 'correct horse battery'),
    ).rejects.toMatchObject({ fault: 'wrong_passphrase' })
  })

  it.each([
    '',
    '{}',
    '[]',
    '{"type":"mingjian-key-backup","v":2}',
    '{"type":"mingjian-key-backup","v":1,"kdf":{"name":"PBKDF2-SHA-256","iterations":1e12,"salt":""},"keys":[]}',
  ])('refuses as a backup: %s', async (text) => {
    await expect(new Keyring(memory(), ROUNDS).restore(text, 'correct horse battery')).rejects.toMatchObject({
      fault: 'not_a_backup',
    })
  })

  it('never writes a secret in clear', async () => {
    const keys = await ring()
    const { sealed } = await keys.create('identity')
    expect(JSON.stringify(await keys.backup())).not.toContain('"d":')
    expect(atob(sealed.data)).not.toContain('\x30\x2e\x02\x01\x00')
  })

  it('lives in IndexedDB across visits', async () => {
    const factory = new IDBFactory()
    const storage = indexedDbStorage(factory)
    await storage.put('a', { n: 1 })
    expect(await indexedDbStorage(factory).get('a')).toEqual({ n: 1 })
    expect(await indexedDbStorage(factory).get('b')).toBeUndefined()
    expect(await storage.entries()).toEqual([['a', { n: 1 }]])
  })
})
