/** A log in memory that signs whatever a test wants it to: roots and proofs by the recursive words of RFC 6962 §2.1. */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { concat, toBase64, utf8, type Bytes } from '@/lib/bytes'
import { parseVerifierKey, type CheckpointTrust } from '@/verify'

export const ORIGIN = 'ledger.example/trade'
export const sha = (...parts: Uint8Array[]): Bytes =>
  Uint8Array.from(
    createHash('sha256')
      .update(concat(...parts))
      .digest(),
  )
export const hashOf = (leaf: string): Bytes => sha(Uint8Array.of(0), utf8(leaf))
const node = (left: Uint8Array, right: Uint8Array) => sha(Uint8Array.of(1), left, right)

/** The largest power of two below `n`. */
const split = (n: number) => 2 ** Math.ceil(Math.log2(n) - 1)

export function root(leaves: readonly Bytes[]): Bytes {
  if (leaves.length === 0) return sha()
  if (leaves.length === 1) return leaves[0]!
  const k = split(leaves.length)
  return node(root(leaves.slice(0, k)), root(leaves.slice(k)))
}

export function inclusion(index: number, leaves: readonly Bytes[]): Bytes[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return index < k
    ? [...inclusion(index, leaves.slice(0, k)), root(leaves.slice(k))]
    : [...inclusion(index - k, leaves.slice(k)), root(leaves.slice(0, k))]
}

export function consistency(old: number, leaves: readonly Bytes[], whole = true): Bytes[] {
  if (old === leaves.length) return whole ? [] : [root(leaves)]
  const k = split(leaves.length)
  return old <= k
    ? [...consistency(old, leaves.slice(0, k), whole), root(leaves.slice(k))]
    : [...consistency(old - k, leaves.slice(k), false), root(leaves.slice(0, k))]
}

/** PKCS #8 of an Ed25519 seed (RFC 8410 §7). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

export class Log {
  private readonly key
  readonly verifierKey: string
  private readonly id: Buffer

  constructor(seed: string, name = ORIGIN) {
    const der = Buffer.concat([PKCS8, createHash('sha256').update(seed).digest()])
    this.key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(this.key).export({ format: 'der', type: 'spki' })
    const body = concat(Uint8Array.of(1), Uint8Array.from(spki.subarray(-32)))
    this.id = Buffer.from(sha(utf8(`${name}\n`), body).slice(0, 4))
    this.verifierKey = `${name}+${this.id.toString('hex')}+${toBase64(body)}`
  }

  /** A plain signature over a text. */
  sign(text: string): string {
    return sign(null, Buffer.from(text), this.key).toString('base64')
  }

  checkpoint(leaves: readonly string[]): string {
    const text = `${ORIGIN}\n${leaves.length}\n${toBase64(root(leaves.map(hashOf)))}\n`
    const signature = Buffer.concat([this.id, sign(null, Buffer.from(text), this.key)])
    return `${text}\n— ${ORIGIN} ${signature.toString('base64')}\n`
  }

  receipt(index: number, leaves: readonly string[]): { leaf: string; proof: string } {
    const path = inclusion(index, leaves.map(hashOf)).map((hash) => `${toBase64(hash)}\n`)
    const proof = `c2sp.org/tlog-proof@v1\nindex ${index}\n${path.join('')}\n${this.checkpoint(leaves)}`
    return { leaf: leaves[index]!, proof }
  }

  consistency(old: number, leaves: readonly string[]): string[] {
    return consistency(old, leaves.map(hashOf)).map(toBase64)
  }

  async trust(): Promise<CheckpointTrust> {
    return { origin: ORIGIN, log: await parseVerifierKey(this.verifierKey), witnesses: [], quorum: 0 }
  }
}
