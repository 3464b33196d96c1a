/** `datetime-local` fields speak Beijing time here, wherever the computer stands. */
import { parseTime, type Micros } from '@/lib/time'
const BEIJING_MS = 8 * 3_600_000
export const toLocal = (ms: number): string => new Date(ms + BEIJING_MS).toISOString().slice(0, 16)
export const fromLocal = (text: string): Micros => parseTime(`${text}:00.000000Z`) - BigInt(BEIJING_MS) * 1000n
