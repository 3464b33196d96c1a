/** C2SP signed-note: a text, an empty line, and signature lines `— name base64(hash ‖ signature)`. */

import { concat, fromBase64, sha256, utf8, type Bytes } from '@/lib/bytes'
import { verifyEd25519 } from './ed25519'

/** Ledger format §4. */
export const SIGNATURE_LINES_MAX = 64
export const NOTE_BYTES_MAX = 64 * 1_024

/** signed-note type 0x01: plain Ed25519 over the text. */
export const ALG_ED25519 = 0x01
/** tlog-cosignature type 0x04: Ed25519 over a header with the time of cosigning and the text. */
export const ALG_COSIGNATURE = 0x04

export interface VerifierKey {
  name: string
  hash: number
  alg: typeof ALG_ED25519 | typeof ALG_COSIGNATURE
  key: Bytes
}

export interface NoteSignature {
  name: string
  hash: number
  bytes: Bytes
}

export interface Note {
  /** Including its final newline: the bytes that are signed. */
  text: string
  signatures: NoteSignature[]
}

/** Names are not empty and hold neither spaces nor `+` (signed-note §Format). */
const isName = (name: string): boolean => name !== '' && !/[\s+]/u.test(name)

const word = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)

/** `name+hash8+base64(alg ‖ key)`; the hash is checked against the name and key. */
export async function parseVerifierKey(text: string): Promise<VerifierKey> {
  const m = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text)
  if (!m || !isName(m[1]!)) throw new Error('not a verifier key')
  const body = fromBase64(m[3]!)
  const alg = body[0]
  if (body.length !== 33 || (alg !== ALG_ED25519 && alg !== ALG_COSIGNATURE)) throw new Error('unknown kind of key')
  const hash = Number.parseInt(m[2]!, 16)
  // Key hash: first four bytes of SHA-256(name ‖ 0x0A ‖ alg ‖ key).
  if (word(await sha256(concat(utf8(`${m[1]}\n`), body))) !== hash) throw new Error('the key hash does not match')
  return { name: m[1]!, hash, alg, key: body.slice(1) }
}

export function parseNote(text: string): Note {
  if (utf8(text).length > NOTE_BYTES_MAX) throw new Error('note too long')
  const split = text.lastIndexOf('\n\n')
  if (split < 0 || !text.endsWith('\n')) throw new Error('not a signed note')
  const body = text.slice(0, split + 1)
  // Every C0 control but newline, and DEL, may be read as something else by someone else.
  if (/[\u0000-\u0009\u000b-\u001f\u007f]/.test(text) || !text.isWellFormed())
    throw new Error('control characters in a note')
  const lines = text.slice(split + 2, -1).split('\n')
  if (lines.length > SIGNATURE_LINES_MAX) throw new Error('too many signatures')
  const signatures = lines.map((line) => {
    const m = /^— (\S+) (\S+)$/u.exec(line)
    if (!m || !isName(m[1]!)) throw new Error('malformed signature line')
    const raw = fromBase64(m[2]!)
    if (raw.length < 5) throw new Error('malformed signature')
    return { name: m[1]!, hash: word(raw), bytes: raw.slice(4) }
  })
  return { text: body, signatures }
}

export interface Verified {
  key: VerifierKey
  /** Seconds since 1970 of a cosignature; null for a plain signature. */
  cosignedAt: number | null
}

/** Signatures by keys we know; a signature by a known key that does not hold is an error, unknown keys are passed over. */
export async function verifyNote(note: Note, keys: readonly VerifierKey[]): Promise<Verified[]> {
  const verified: Verified[] = []
  const seen = new Set<VerifierKey>()
  for (const signature of note.signatures) {
    const key = keys.find((k) => k.name === signature.name && k.hash === signature.hash)
    if (!key || seen.has(key)) continue
    seen.add(key)
    const cosignedAt = await checkSignature(key, note.text, signature.bytes)
    if (cosignedAt === undefined) throw new Error(`the signature of ${key.name} does not hold`)
    verified.push({ key, cosignedAt })
  }
  return verified
}

async function checkSignature(key: VerifierKey, text: string, bytes: Bytes): Promise<number | null | undefined> {
  if (key.alg === ALG_ED25519) return (await verifyEd25519(key.key, utf8(text), bytes)) ? null : undefined
  if (bytes.length !== 72) return undefined
  const seconds = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)
  if (seconds > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  const message = utf8(`cosignature/v1\ntime ${seconds}\n${text}`)
  return (await verifyEd25519(key.key, message, bytes.slice(8))) ? Number(seconds) : undefined
}
