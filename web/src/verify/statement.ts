/** Bid statement (ledger format §5): a JWS in compact form over canonical claims, and the key names around it. */

import { fromBase64, fromBase64Url, fromUtf8, sha256, toBase64Url, utf8, type Bytes } from '@/lib/bytes'
import { parseFen, type Fen } from '@/lib/money'
import { formatTime, parseTime, type Micros } from '@/lib/time'
import { isUsableKey, verifyEd25519 } from './ed25519'
import { asCount, asObject, asString, canonicalBytes, canonicalise, parseCanonical, withKeys, type Json } from './jcs'

/** RFC 8037 §2; exactly these members. */
export interface Jwk {
  crv: 'Ed25519'
  kty: 'OKP'
  x: string
}

export interface BidClaims {
  amount: Fen
  issuedAt: Micros
  ledger: string
  lot: string
  /** UUIDv7; the same nonce is the same bid, however often it is sent. */
  nonce: string
  number: number
  /** Past the price cap: the rung of the lot's ladder whose unit `amount` counts. Absent while the price is bid for. */
  rung?: number
  seen: { size: number; root: string }
}

export interface BidStatement {
  claims: BidClaims
  kid: string
  jws: string
}

const STATEMENT_CHARS_MAX = 2_048
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export function jwkOf(key: Uint8Array): Jwk {
  return { crv: 'Ed25519', kty: 'OKP', x: toBase64Url(key) }
}

export function keyOfJwk(jwk: Json): Bytes {
  const { crv, kty, x } = withKeys(jwk, 'crv', 'kty', 'x')
  if (crv !== 'Ed25519' || kty !== 'OKP') throw new Error('not an Ed25519 key')
  const key = fromBase64Url(asString(x))
  if (!isUsableKey(key)) throw new Error('not a usable key')
  return key
}

/** RFC 7638: SHA-256 of the required members in order, base64url. */
export async function thumbprint(jwk: Jwk): Promise<string> {
  return toBase64Url(await sha256(utf8(`{"crv":"${jwk.crv}","kty":"${jwk.kty}","x":"${jwk.x}"}`)))
}

/** The claims as they are shown before signing and as they are signed: canonical, the same bytes. */
export function claimsJson(claims: BidClaims): string {
  return canonicalise({
    amount: claims.amount.toString(),
    issued_at: formatTime(claims.issuedAt),
    ledger: claims.ledger,
    lot: claims.lot,
    nonce: claims.nonce,
    number: claims.number,
    ...(claims.rung === undefined ? {} : { rung: claims.rung }),
    seen: { root: claims.seen.root, size: claims.seen.size },
  })
}

/** A statement of one type is never read as another (ledger format §5). */
type StatementType = 'mj-bid+jws' | 'mj-confirm+jws' | 'mj-lot-key+jws'

export type Sign = (message: Bytes) => Promise<Bytes>

async function signStatement(typ: StatementType, claims: string, kid: string, sign: Sign): Promise<string> {
  const signed = `${toBase64Url(canonicalBytes({ alg: 'EdDSA', kid, typ }))}.${toBase64Url(utf8(claims))}`
  return `${signed}.${toBase64Url(await sign(utf8(signed)))}`
}

export const signBid = (claims: BidClaims, kid: string, sign: Sign): Promise<string> =>
  signStatement('mj-bid+jws', claimsJson(claims), kid, sign)

/** That a number which quoted takes part in the timed auction after a listing. */
export function signConfirmation(
  claims: Omit<BidClaims, 'amount' | 'rung' | 'seen'>,
  kid: string,
  sign: Sign,
): Promise<string> {
  const { issuedAt, ledger, lot, nonce, number } = claims
  return signStatement(
    'mj-confirm+jws',
    canonicalise({ issued_at: formatTime(issuedAt), ledger, lot, nonce, number }),
    kid,
    sign,
  )
}

/** The identity key vouches for a fresh lot key; shown to reviewers only. */
export function signKeyBinding(
  claims: { issuedAt: Micros; key: Jwk; ledger: string; lot: string },
  kid: string,
  sign: Sign,
): Promise<string> {
  const { issuedAt, key, ledger, lot } = claims
  return signStatement(
    'mj-lot-key+jws',
    canonicalise({ issued_at: formatTime(issuedAt), key: { crv: key.crv, kty: key.kty, x: key.x }, ledger, lot }),
    kid,
    sign,
  )
}

/** Parses without believing: shape, canonical header and claims, ranges. */
export function parseBid(jws: string): BidStatement & { signature: Bytes; signed: Bytes } {
  if (jws.length > STATEMENT_CHARS_MAX) throw new Error('statement too long')
  const parts = jws.split('.')
  if (parts.length !== 3) throw new Error('not a compact JWS')
  const [head, body, signature] = parts as [string, string, string]
  const fields = withKeys(parseCanonical(fromBase64Url(head)), 'alg', 'kid', 'typ')
  if (fields.alg !== 'EdDSA' || fields.typ !== 'mj-bid+jws') throw new Error('not a bid statement')
  const claims = asObject(parseCanonical(fromBase64Url(body)))
  const optional = 'rung' in claims ? ['rung'] : []
  const c = withKeys(claims, 'amount', 'issued_at', 'ledger', 'lot', 'nonce', 'number', 'seen', ...optional)
  if ('rung' in c && asCount(c.rung) === 0) throw new Error('rung 0 is not named')
  const seen = withKeys(c.seen!, 'root', 'size')
  if (fromBase64(asString(seen.root)).length !== 32) throw new Error('a root has 32 bytes')
  if (!UUID_V7.test(asString(c.nonce))) throw new Error('the nonce is not a UUIDv7')
  return {
    jws,
    kid: asString(fields.kid),
    claims: {
      amount: parseFen(asString(c.amount)),
      issuedAt: parseTime(asString(c.issued_at)),
      ledger: asString(c.ledger),
      lot: asString(c.lot),
      nonce: asString(c.nonce),
      number: asCount(c.number),
      ...('rung' in c ? { rung: asCount(c.rung) } : {}),
      seen: { root: asString(seen.root), size: asCount(seen.size) },
    },
    signature: fromBase64Url(signature),
    signed: utf8(`${head}.${body}`),
  }
}

/** Throws unless the statement was signed by this key and names it. */
export async function verifyBid(jws: string, jwk: Jwk): Promise<BidStatement> {
  const bid = parseBid(jws)
  const key = keyOfJwk(jwk as unknown as Json)
  if (bid.kid !== (await thumbprint(jwk))) throw new Error('signed under another key')
  if (!(await verifyEd25519(key, bid.signed, bid.signature))) throw new Error('the signature does not hold')
  return { jws, kid: bid.kid, claims: bid.claims }
}

/** RFC 9562 §5.7: 48 bits of milliseconds, then random. */
export function uuidV7(nowMs: number, random: Uint8Array = crypto.getRandomValues(new Uint8Array(10))): string {
  const hex = (n: number, width: number) => n.toString(16).padStart(width, '0')
  const r = Array.from(random.subarray(0, 10), (byte) => hex(byte, 2)).join('')
  const time = hex(Math.floor(nowMs), 12)
  const variant = hex((random[2]! & 0x3f) | 0x80, 2)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${r.slice(1, 4)}-${variant}${r.slice(6, 8)}-${r.slice(8, 20)}`
}

/**
 * The commitment to a hidden reserve: SHA-256 of the canonical `{"amount","lot","nonce"}`, the nonce being 32 random
 * bytes in base64. Returned in base64, as the notice carries it.
 */
export async function reserveCommitment(lot: string, amount: Fen, nonce: Uint8Array): Promise<Bytes> {
  if (nonce.length !== 32) throw new Error('the nonce has 32 bytes')
  const b64 = btoa(String.fromCharCode(...nonce))
  return sha256(canonicalBytes({ amount: amount.toString(), lot, nonce: b64 }))
}

/** The text of a statement's claims, for «show what I sign». */
export const claimsText = (jws: string): string => fromUtf8(fromBase64Url(jws.split('.')[1] ?? ''))
