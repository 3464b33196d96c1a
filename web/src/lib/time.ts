/**
 * Times are microseconds since 1970 UTC in a bigint, exactly as the ledger writes them; and the server's clock as this
 * browser can know it: an offset with an uncertainty, never a bare number.
 */

export type Micros = bigint

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})\.(\d{6})Z$/

/** The one form the ledger allows: UTC, `Z`, six decimals, no leap second. Throws otherwise. */
export function parseTime(text: string): Micros {
  const m = RFC3339.exec(text)
  if (!m) throw new Error(`not a ledger time: ${text}`)
  const [year, month, day, hour, minute, second] = m.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second, 0)
  if (date.toISOString().slice(0, 19) !== text.slice(0, 19)) throw new Error(`no such time: ${text}`)
  return BigInt(date.getTime()) * 1000n + BigInt(m[7]!)
}

const floorDiv = (a: bigint, b: bigint): bigint => (a >= 0n || a % b === 0n ? a / b : a / b - 1n)

export function formatTime(time: Micros): string {
  const ms = floorDiv(time, 1000n)
  const date = new Date(Number(ms))
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 0 || date.getUTCFullYear() > 9999) {
    throw new Error('time out of range')
  }
  return `${date.toISOString().slice(0, 23)}${(time - ms * 1000n).toString().padStart(3, '0')}Z`
}

export const toMillis = (time: Micros): number => Number(floorDiv(time, 1000n))

/* ---- showing -------------------------------------------------------------------------------------------------- */

export interface ClockText {
  date: string
  /** `15:40:49` */
  time: string
  /** `204` */
  millis: string
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(zone: string | undefined): Intl.DateTimeFormat {
  const key = zone ?? ''
  let found = formatters.get(key)
  if (!found) {
    found = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    formatters.set(key, found)
  }
  return found
}

/** In the viewer's zone unless one is named; always the server's instant. */
export function clockText(time: Micros, zone?: string): ClockText {
  const ms = toMillis(time)
  const part = Object.fromEntries(
    formatter(zone)
      .formatToParts(ms)
      .map((p) => [p.type, p.value]),
  )
  return {
    date: `${part.year}-${part.month}-${part.day}`,
    time: `${part.hour}:${part.minute}:${part.second}`,
    millis: (((ms % 1000) + 1000) % 1000).toString().padStart(3, '0'),
  }
}

/** Whole days and the hours that are left of the next, once there is a day left; null below. */
export function daysLeft(remainingMs: number): { d: number; h: number } | null {
  const hours = Math.floor(Math.max(0, remainingMs) / 3_600_000)
  return hours < 24 ? null : { d: Math.floor(hours / 24), h: hours % 24 }
}

/** Milliseconds that the zone (the viewer's own by default) is ahead of UTC at that instant. */
export function zoneOffsetMs(ms: number, zone?: string): number {
  const { date, time } = clockText(BigInt(Math.floor(ms / 1000)) * 1_000_000n, zone)
  return Date.parse(`${date}T${time}Z`) - Math.floor(ms / 1000) * 1000
}

/** `03:41`, `1:17:43`, `2 days` left to words. Seconds are rounded up: 00:00 is shown only when time is up. */
export function countdownText(remainingMs: number): string {
  const total = Math.max(0, Math.ceil(remainingMs / 1000))
  const two = (n: number) => n.toString().padStart(2, '0')
  const hours = Math.floor(total / 3600)
  const tail = `${two(Math.floor(total / 60) % 60)}:${two(total % 60)}`
  return hours > 0 ? `${hours}:${tail}` : tail
}

/* ---- the server's clock ---------------------------------------------------------------------------------------- */

export interface ClockSample {
  /** Monotonic milliseconds (`performance.now`) when the request left and when the answer came. */
  sentMs: number
  receivedMs: number
  /** The server's stamp in between, in milliseconds since 1970. */
  serverMs: number
}

export interface ClockEstimate {
  /** Server time minus monotonic time, ms. */
  offsetMs: number
  /** Half the round trip of the sample used, plus drift since: the true offset lies within ± this. */
  uncertaintyMs: number
  roundTripMs: number
  samples: number
}

/** Samples kept: enough to see one quiet round trip on a busy line. */
export const CLOCK_SAMPLES_MAX = 8
/** Consumer crystals stay within 100 parts in a million; a phone that slept does not matter, its monotonic clock runs on. */
export const CLOCK_DRIFT_PPM = 100

/**
 * NTP's minimum-delay clock filter (RFC 5905 §10): of the last round trips the shortest says most, because delay that
 * is not there cannot be asymmetric. Ageing widens a sample, so that a fresh one wins in time.
 */
export class ServerClock {
  private samples: ClockSample[] = []

  constructor(
    private readonly monotonic: () => number = () => performance.now(),
    private readonly wall: () => number = () => Date.now(),
  ) {}

  add(sample: ClockSample): void {
    // A clock that jumped backwards between the two readings measured nothing.
    if (!(sample.receivedMs >= sample.sentMs) || !Number.isFinite(sample.serverMs)) return
    this.samples.push(sample)
    if (this.samples.length > CLOCK_SAMPLES_MAX) this.samples.shift()
  }

  /** What a one-way message says: the server's clock is at least this far on. Without any round trip it is better than nothing. */
  estimate(): ClockEstimate | null {
    const now = this.monotonic()
    let best: ClockEstimate | null = null
    for (const s of this.samples) {
      const roundTripMs = s.receivedMs - s.sentMs
      const uncertaintyMs = roundTripMs / 2 + (Math.max(0, now - s.receivedMs) * CLOCK_DRIFT_PPM) / 1e6
      if (!best || uncertaintyMs < best.uncertaintyMs) {
        best = {
          offsetMs: s.serverMs - (s.sentMs + s.receivedMs) / 2,
          uncertaintyMs,
          roundTripMs,
          samples: this.samples.length,
        }
      }
    }
    return best
  }

  /** Server time now in ms since 1970; the local clock until the first round trip. */
  nowMs(): number {
    const e = this.estimate()
    return e ? this.monotonic() + e.offsetMs : this.wall()
  }

  now(): Micros {
    return BigInt(Math.round(this.nowMs() * 1000))
  }

  /** How far this computer's own clock is from the server's: what the person is told. */
  localErrorMs(): number | null {
    const e = this.estimate()
    return e ? this.wall() - (this.monotonic() + e.offsetMs) : null
  }

  forget(): void {
    this.samples = []
  }
}

/** Takes `rounds` round trips, one after the other; a failing one is left out. Throws when none succeeded. */
export async function synchronise(
  clock: ServerClock,
  ask: () => Promise<number>,
  rounds = 5,
  monotonic: () => number = () => performance.now(),
): Promise<ClockEstimate> {
  for (let i = 0; i < rounds; i++) {
    const sentMs = monotonic()
    try {
      const serverMs = await ask()
      clock.add({ sentMs, receivedMs: monotonic(), serverMs })
    } catch {
      // The next round may do better.
    }
  }
  const estimate = clock.estimate()
  if (!estimate) throw new Error('the server clock could not be read')
  return estimate
}
