import { createHash, createPrivateKey, createPublicKey, sign as nodeSign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64, toBase64Url, utf8, equal } from '@/lib/bytes'
import {
  canonicalise,
  ChainError,
  claimsJson,
  climb,
  isStrictSignature,
  isUsableKey,
  jwkOf,
  keyOfJwk,
  leafHash,
  link,
  parseBid,
  parseCanonical,
  parseCheckpoint,
  parseLeaf,
  parseReceipt,
  parseVerifierKey,
  reserveCommitment,
  rootOf,
  signBid,
  thumbprint,
  uuidV7,
  verifyBid,
  verifyCheckpoint,
  verifyConsistency,
  verifyEd25519,
  verifyInclusion,
  verifyReceipt,
  type ChainPoint,
  type CheckpointTrust,
  type Jwk,
} from '@/verify'

const vectors = JSON.parse(readFileSync(new URL('../vectors/ledger-vectors.json', import.meta.url), 'utf8'))
const origin = 'ledger.mingjiang.example/trade'
const hashes: Uint8Array[] = vectors.entries.map((e: { leaf_hash: string }) => fromBase64(e.leaf_hash))

async function trust(quorum = 1): Promise<CheckpointTrust> {
  return {
    origin,
    log: await parseVerifierKey(vectors.keys.log.verifier_key),
    witnesses: [await parseVerifierKey(vectors.keys.witness.verifier_key)],
    quorum,
  }
}

describe('canonical JSON', () => {
  it.each([
    '{"a":1}',
    '{"a":{"b":[1,2,null,true,"ü"]},"z":""}',
    '"\\u0000\\b\\t\\n\\f\\r\\"\\\\€"',
    '{"":1,"€":2}',
    '[-1,9007199254740991]',
  ])('accepts %s', (text) => expect(canonicalise(parseCanonical(utf8(text)))).toBe(text))

  it.each([
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{ "a":1}',
    '{"a":1.0}',
    '{"a":1.5}',
    '{"a":1e2}',
    '{"a":-0}',
    '{"a":9007199254740992}',
    '"\\u0041"',
    '"\\/"',
    '"\\ud800"',
    '{"a":1}\n',
    '\ufeff{"a":1}',
    '{"a":01}',
    '{"\ue000":1,"\u{1f600}":2}',
  ])('refuses %s', (text) => expect(() => parseCanonical(utf8(text))).toThrow())

  it('refuses malformed UTF-8 and depth without end', () => {
    expect(() => parseCanonical(Uint8Array.of(0x22, 0xff, 0x22))).toThrow()
    expect(() => parseCanonical(utf8('['.repeat(100) + ']'.repeat(100)))).toThrow()
  })
})

describe('the chain', () => {
  it('links the five leaves of the vectors', async () => {
    let before: ChainPoint | null = null
    for (const entry of vectors.entries) {
      const linked = await link(origin, before, utf8(entry.leaf), utf8(entry.payload))
      expect(toBase64(linked.hash)).toBe(entry.leaf_hash)
      expect(linked.payload).not.toBeNull()
      before = linked
    }
  })

  it('names the entry and the check that fails', async () => {
    const [, one, two] = vectors.entries
    const at = async (before: ChainPoint | null, leaf: string, payload: string | null) =>
      link(origin, before, utf8(leaf), payload === null ? null : utf8(payload)).then(
        () => null,
        (e) => e as ChainError,
      )
    const first: ChainPoint = { seq: 0, hash: hashes[0] as Uint8Array<ArrayBuffer>, time: 0n }
    const fault = async (before: ChainPoint | null, leaf: string, payload: string | null = null) => {
      const error = await at(before, leaf, payload)
      return error && `${error.seq} ${error.fault}`
    }
    expect(await fault(first, one.leaf)).toBeNull()
    expect(await fault(first, two.leaf)).toBe('2 seq')
    expect(await fault(null, one.leaf)).toBe('1 seq')
    expect(await fault({ ...first, hash: new Uint8Array(32) }, one.leaf)).toBe('1 prev')
    expect(await fault({ ...first, time: 2n ** 60n }, one.leaf)).toBe('1 time')
    expect(await fault(first, one.leaf, two.payload)).toBe('1 payload')
    expect(await fault(first, one.leaf.replace('trade', 'other'))).toBe('1 ledger')
    expect(await fault(first, one.leaf.replace('"v":1', '"v":2'))).toBe('1 leaf')
    expect(await fault(first, one.leaf.replace('{', '{ '))).toBe('1 leaf')
    expect(await fault(first, one.leaf.slice(0, -1) + ',"x":1}')).toBe('1 leaf')
  })

  it('refuses every single changed byte of a leaf or a payload', async () => {
    const before: ChainPoint = { seq: 2, hash: hashes[2] as Uint8Array<ArrayBuffer>, time: 0n }
    const { leaf, payload } = vectors.entries[3]
    for (const [which, text] of [
      ['leaf', leaf],
      ['payload', payload],
    ] as const) {
      const bytes = utf8(text)
      for (let i = 0; i < bytes.length; i += 7) {
        const changed = bytes.slice()
        changed[i]! ^= 1
        const good = { leaf: utf8(leaf), payload: utf8(payload), [which]: changed }
        const linked = await link(origin, before, good.leaf, good.payload).catch(() => null)
        // Where the changed leaf still parses, its hash must differ, so that the next `prev` catches it.
        if (linked) expect(equal(linked.hash, hashes[3]!), `${which} byte ${i}`).toBe(false)
      }
    }
  })

  it('parses no leaf with a bad hash', () => {
    expect(() => parseLeaf(utf8(vectors.entries[1].leaf.replace('+ZE=', '+ZF=')))).toThrow()
  })
})

describe('the tree', () => {
  it('has the roots of the vectors', async () => {
    for (const [size, root] of Object.entries(vectors.roots)) {
      expect(toBase64(await rootOf(hashes.slice(0, Number(size))))).toBe(root)
    }
  })

  it('verifies the proofs of the vectors, and none of their neighbours', async () => {
    const root = fromBase64(vectors.roots['5'])
    for (const [index, path] of Object.entries<string[]>(vectors.inclusion)) {
      const proof = path.map(fromBase64)
      for (let i = 0; i < 5; i++) {
        expect(await verifyInclusion(hashes[Number(index)]!, i, 5, proof, root)).toBe(i === Number(index))
      }
      expect(await verifyInclusion(hashes[Number(index)]!, Number(index), 5, [...proof, root], root)).toBe(false)
      expect(await verifyInclusion(hashes[Number(index)]!, Number(index), 5, proof.slice(1), root)).toBe(false)
    }
    for (const [sizes, path] of Object.entries<string[]>(vectors.consistency)) {
      const [m, n] = sizes.split('-').map(Number) as [number, number]
      const proof = path.map(fromBase64)
      expect(await verifyConsistency(m, fromBase64(vectors.roots[m]), n, root, proof)).toBe(true)
      expect(await verifyConsistency(m, fromBase64(vectors.roots[m]), n, hashes[0]!, proof)).toBe(false)
      expect(await verifyConsistency(m, hashes[1]!, n, root, proof)).toBe(false)
      expect(await verifyConsistency(m, fromBase64(vectors.roots[m]), n, root, proof.slice(0, -1))).toBe(false)
    }
  })

  /** RFC 6962 §2.1.1 and §2.1.2, written down literally, to check the verifiers against. */
  const split = (n: number) => 2 ** Math.floor(Math.log2(n - 1))
  const path = async (m: number, d: Uint8Array[]): Promise<Uint8Array[]> => {
    if (d.length <= 1) return []
    const k = split(d.length)
    return m < k
      ? [...(await path(m, d.slice(0, k))), await rootOf(d.slice(k))]
      : [...(await path(m - k, d.slice(k))), await rootOf(d.slice(0, k))]
  }
  const subproof = async (m: number, d: Uint8Array[], whole: boolean): Promise<Uint8Array[]> => {
    if (m === d.length) return whole ? [] : [await rootOf(d)]
    const k = split(d.length)
    return m <= k
      ? [...(await subproof(m, d.slice(0, k), whole)), await rootOf(d.slice(k))]
      : [...(await subproof(m - k, d.slice(k), false)), await rootOf(d.slice(0, k))]
  }

  it('agrees with the definition for every tree up to 20 leaves', async () => {
    const leaves = await Promise.all(Array.from({ length: 20 }, (_, i) => leafHash(Uint8Array.of(i))))
    for (let n = 1; n <= 20; n++) {
      const d = leaves.slice(0, n)
      const root = await rootOf(d)
      for (let m = 0; m < n; m++) {
        expect(await verifyInclusion(leaves[m]!, m, n, await path(m, d), root)).toBe(true)
        if (m > 0) {
          const proof = await subproof(m, d, true)
          expect(await verifyConsistency(m, await rootOf(leaves.slice(0, m)), n, root, proof)).toBe(true)
        }
      }
    }
  })

  it('shows the climb', async () => {
    const climbed = await climb(hashes[4]!, 4, 5, vectors.inclusion['4'].map(fromBase64))
    expect(climbed!.steps.map((s) => s.side)).toEqual(['left'])
    expect(toBase64(climbed!.root)).toBe(vectors.roots['5'])
  })
})

describe('checkpoint and receipt', () => {
  it('verifies log and witness', async () => {
    const checkpoint = await verifyCheckpoint(vectors.checkpoint, await trust())
    expect(checkpoint.size).toBe(5)
    expect(checkpoint.cosigned).toEqual([{ name: 'witness.example/supervision', at: vectors.cosigned_at }])
  })

  it('refuses what was changed, foreign, or not witnessed enough', async () => {
    const t = await trust()
    await expect(verifyCheckpoint(vectors.checkpoint.replace('\n5\n', '\n6\n'), t)).rejects.toThrow('signature')
    await expect(verifyCheckpoint(vectors.checkpoint, { ...t, origin: 'elsewhere.example/x' })).rejects.toThrow(
      'another ledger',
    )
    await expect(verifyCheckpoint(vectors.checkpoint, await trust(2))).rejects.toThrow('witness')
    const logOnly = vectors.checkpoint
      .split('\n')
      .filter((l: string) => !l.includes('witness'))
      .join('\n')
    await expect(verifyCheckpoint(logOnly, t)).rejects.toThrow('witness')
    expect((await verifyCheckpoint(logOnly, { ...t, quorum: 0 })).cosigned).toEqual([])
    const witnessOnly = vectors.checkpoint
      .split('\n')
      .filter((l: string) => !l.startsWith('— ledger'))
      .join('\n')
    await expect(verifyCheckpoint(witnessOnly, t)).rejects.toThrow('not signed')
  })

  it('does not count one witness twice', async () => {
    const line = vectors.checkpoint.split('\n').find((l: string) => l.startsWith('— witness'))
    await expect(verifyCheckpoint(`${vectors.checkpoint}${line}\n`, await trust(2))).rejects.toThrow('1 of 2')
  })

  it.each([
    '',
    'x',
    'o\n05\nAAAA\n\n— a AAAAAAAA\n',
    'a\n1\n',
    vectors.checkpoint.trimEnd(),
    vectors.checkpoint.replace('\n5', '\n 5'),
    vectors.checkpoint.replaceAll('\n', '\r\n'),
  ])('refuses malformed text %#', (text) => expect(() => parseCheckpoint(text)).toThrow())

  it('refuses a verifier key whose hash does not match', async () => {
    await expect(parseVerifierKey(vectors.keys.log.verifier_key.replace('d4f436e3', 'd4f436e4'))).rejects.toThrow(
      'hash',
    )
  })

  it('verifies the receipt, and not for another leaf', async () => {
    const receipt = await verifyReceipt(vectors.receipt_of_3, hashes[3]!, await trust())
    expect(receipt.index).toBe(3)
    expect(receipt.steps).toHaveLength(3)
    await expect(verifyReceipt(vectors.receipt_of_3, hashes[2]!, await trust())).rejects.toThrow('not in the tree')
    await expect(
      verifyReceipt(vectors.receipt_of_3.replace('index 3', 'index 2'), hashes[3]!, await trust()),
    ).rejects.toThrow()
    expect(() => parseReceipt(vectors.receipt_of_3.replace('@v1', '@v2'))).toThrow()
  })
})

describe('signatures', () => {
  const lot = vectors.keys.lot.jwk as Jwk

  it('has no use for small-order or non-canonical keys', () => {
    expect(isUsableKey(keyOfJwk(lot as never))).toBe(true)
    const identity = new Uint8Array(32)
    identity[0] = 1
    expect(isUsableKey(identity)).toBe(false)
    expect(isUsableKey(new Uint8Array(32))).toBe(false)
    const aboveField = new Uint8Array(32).fill(0xff)
    aboveField[0] = 0xf0
    expect(isUsableKey(aboveField)).toBe(false)
    expect(() => keyOfJwk(jwkOf(identity) as never)).toThrow()
  })

  it('refuses S + L, which some verifiers accept', async () => {
    const bid = parseBid(JSON.parse(vectors.entries[3].payload).data.statement)
    const key = keyOfJwk(lot as never)
    expect(await verifyEd25519(key, bid.signed, bid.signature)).toBe(true)
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    let s = order
    for (let i = 0; i < 32; i++) s += BigInt(bid.signature[32 + i]!) << BigInt(8 * i)
    const malleable = bid.signature.slice()
    for (let i = 0; i < 32; i++) malleable[32 + i] = Number((s >> BigInt(8 * i)) & 0xffn)
    expect(isStrictSignature(malleable)).toBe(false)
    expect(await verifyEd25519(key, bid.signed, malleable)).toBe(false)
  })

  it('refuses a small-order R', () => expect(isStrictSignature(new Uint8Array(64))).toBe(false))
})

describe('bid statements', () => {
  const lot = vectors.keys.lot.jwk as Jwk
  const statements: string[] = vectors.entries
    .slice(3)
    .map((e: { payload: string }) => JSON.parse(e.payload).data.statement)
  // Ed25519 private key from its seed: PKCS#8 prefix of RFC 8410 §7.
  const seed = createHash('sha256').update(vectors.keys.lot.seed_of).digest()
  const privateKey = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  })

  it('names keys by thumbprint', async () => {
    expect(await thumbprint(lot)).toBe(vectors.keys.lot.thumbprint)
    expect(createPublicKey(privateKey).export({ format: 'jwk' }).x).toBe(lot.x)
  })

  it('verifies the statements of the vectors, and makes the very same bytes', async () => {
    for (const jws of statements) {
      const bid = await verifyBid(jws, lot)
      const again = await signBid(bid.claims, bid.kid, async (m) => new Uint8Array(nodeSign(null, m, privateKey)))
      expect(again).toBe(jws)
      expect(claimsJson(bid.claims)).toContain(`"amount":"${bid.claims.amount}"`)
    }
  })

  it('refuses another key, another amount, another form', async () => {
    const [jws] = statements as [string]
    const [h, c, s] = jws.split('.') as [string, string, string]
    const changed = atob(c.replaceAll('-', '+').replaceAll('_', '/')).replace('1596000000000', '1596000000002')
    await expect(verifyBid(`${h}.${toBase64Url(utf8(changed))}.${s}`, lot)).rejects.toThrow()
    await expect(verifyBid(jws, jwkOf((await trust()).log.key))).rejects.toThrow('another key')
    await expect(verifyBid(`${h}.${c}`, lot)).rejects.toThrow()
    await expect(verifyBid(`${h}.${c}.${s}=`, lot)).rejects.toThrow()
    const none = toBase64Url(utf8(canonicalise({ alg: 'none', kid: vectors.keys.lot.thumbprint, typ: 'mj-bid+jws' })))
    await expect(verifyBid(`${none}.${c}.`, lot)).rejects.toThrow('not a bid statement')
  })

  it('makes UUIDv7 in order of time', () => {
    const a = uuidV7(1_700_000_000_000)
    expect(a).toMatch(/^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(uuidV7(1_700_000_000_001) > a).toBe(true)
  })

  it('commits to a reserve price', async () => {
    const nonce = new Uint8Array(32)
    const expected = createHash('sha256')
      .update(`{"amount":"100","lot":"01JD9Z5T8Q3W6V2K4M7N0P1R2S","nonce":"${'A'.repeat(43)}="}`)
      .digest()
    expect(equal(await reserveCommitment('01JD9Z5T8Q3W6V2K4M7N0P1R2S', 100n, nonce), expected)).toBe(true)
    await expect(reserveCommitment('x', 1n, new Uint8Array(16))).rejects.toThrow()
  })
})
