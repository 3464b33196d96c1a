/** The unified project code: category, six digits of the place, year, serial number; ISO/IEC 7064 MOD 37,36 checks it. */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
export const CODE_FORM = 'A330299-2026-00031'
const BODY = /^[A-D]\d{6}-\d{4}-\d{5}$/

export function checkCharacter(body: string): string {
  let product = 36
  for (const char of body.replaceAll('-', '')) {
    const sum = (product + ALPHABET.indexOf(char)) % 36
    product = ((sum === 0 ? 36 : sum) * 2) % 37
  }
  return ALPHABET[(37 - product) % 36]!
}

/** The whole code for a body or a whole code; null where the form is wrong. */
export function wholeCode(text: string): string | null {
  const typed = text.trim().toUpperCase()
  const body = typed.replace(/-[0-9A-Z]$/, '')
  if (!BODY.test(body)) return null
  const code = `${body}-${checkCharacter(body)}`
  return typed === body || typed === code ? code : null
}
