/** ULID: 48 bits of milliseconds, 80 random bits, in Crockford's base 32. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export function ulid(
  nowMs: number = Date.now(),
  random: Uint8Array = crypto.getRandomValues(new Uint8Array(10)),
): string {
  let value = BigInt(Math.floor(nowMs))
  for (const byte of random.subarray(0, 10)) value = (value << 8n) | BigInt(byte)
  let text = ''
  for (let i = 0; i < 26; i++, value >>= 5n) text = DIGITS[Number(value & 31n)]! + text
  return text
}
