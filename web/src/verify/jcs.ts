/**
 * RFC 8785 (JCS), strictly: bytes are accepted only if they are the canonical form of what they parse to.
 * The ledger has no floats, so a number here is an integer within ±(2^53−1) and everything else is refused.
 */

import { equal, fromUtf8, utf8 } from '@/lib/bytes'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Arrays and objects inside one another (ledger format §0); the bound keeps hostile input off the call stack. */
export const JSON_DEPTH_MAX = 16

export function canonicalise(value: Json, depth = 0): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new Error('only integers within 2^53 are allowed')
    return String(value)
  }
  if (typeof value === 'string') return canonicalString(value)
  if (depth >= JSON_DEPTH_MAX) throw new Error('nested too deeply')
  if (Array.isArray(value)) return `[${value.map((item) => canonicalise(item, depth + 1)).join(',')}]`
  // JavaScript's own string order is by UTF-16 code units, which is the order that RFC 8785 §3.2.3 asks for.
  const members = Object.keys(value)
    .sort()
    .map((key) => `${canonicalString(key)}:${canonicalise(value[key]!, depth + 1)}`)
  return `{${members.join(',')}}`
}

function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new Error('lone surrogate')
  return JSON.stringify(text)
}

export const canonicalBytes = (value: Json): Uint8Array<ArrayBuffer> => utf8(canonicalise(value))

/**
 * Parses canonical JSON bytes. Duplicate keys, spaces, floats, exponents, wrong order, needless escapes and malformed
 * UTF-8 all fail the same comparison: what was hashed is exactly what was read.
 */
export function parseCanonical(bytes: Uint8Array): Json {
  const value = JSON.parse(fromUtf8(bytes)) as Json
  if (!equal(canonicalBytes(value), bytes)) throw new Error('not in canonical form')
  return value
}

export type JsonObject = { [key: string]: Json }

export function asObject(value: Json): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('not an object')
  return value
}

/** An object with exactly these keys. */
export function withKeys(value: Json, ...keys: string[]): JsonObject {
  const object = asObject(value)
  const found = Object.keys(object)
  if (found.length !== keys.length || !keys.every((key) => Object.hasOwn(object, key))) {
    throw new Error(`keys are not exactly ${keys.join(', ')}`)
  }
  return object
}

export function asString(value: Json | undefined): string {
  if (typeof value !== 'string') throw new Error('not a string')
  return value
}

export function asCount(value: Json | undefined): number {
  if (typeof value !== 'number' || value < 0) throw new Error('not a count')
  return value
}
