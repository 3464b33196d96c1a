/**
 * One strict rule for a signature, the same in server, verifier and browser: public key not of small order, R not of
 * small order, S canonical (below the group order L), then the equation itself by WebCrypto. Implementations differ on
 * exactly these edge cases (Chalkias, Garillot, Nikolaenko: «Taming the many EdDSAs», 2020), so they are settled before.
 */

import { fromHex, toHex, type Bytes } from '@/lib/bytes'

/** Every encoding, canonical or not, of the eight points whose order divides 8. */
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
])

/** p = 2^255 − 19: a y-coordinate at or above it is a second spelling of a point. */
const FIELD = 2n ** 255n - 19n
/** RFC 8032 §5.1: the order of the base point. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`)
}

export const isSmallOrder = (point: Uint8Array): boolean => SMALL_ORDER.has(toHex(point))

/** A public key that may be registered or believed: 32 bytes, canonical, not of small order. */
export function isUsableKey(key: Uint8Array): boolean {
  if (key.length !== 32 || isSmallOrder(key)) return false
  const y = Uint8Array.from(key)
  y[31]! &= 0x7f
  return littleEndian(y) < FIELD
}

export function isStrictSignature(signature: Uint8Array): boolean {
  if (signature.length !== 64 || isSmallOrder(signature.subarray(0, 32))) return false
  return littleEndian(signature.subarray(32)) < ORDER
}

const imported = new Map<string, Promise<CryptoKey>>()
/** Keys of one lot's bidders and the log's own; more than these pass through without being kept. */
const IMPORTED_MAX = 256

function importKey(key: Uint8Array): Promise<CryptoKey> {
  const name = toHex(key)
  let found = imported.get(name)
  if (!found) {
    found = crypto.subtle.importKey('raw', fromHex(name), 'Ed25519', true, ['verify'])
    if (imported.size < IMPORTED_MAX) imported.set(name, found)
  }
  return found
}

export async function verifyEd25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (!isUsableKey(key) || !isStrictSignature(signature)) return false
  try {
    return await crypto.subtle.verify('Ed25519', await importKey(key), signature as Bytes, message as Bytes)
  } catch {
    return false
  }
}
