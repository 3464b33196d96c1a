import { describe, expect, it } from 'vitest'
import { clockText, countdownText, formatTime, parseTime, ServerClock, synchronise } from '@/lib/time'

it('reads and writes the one form', () => {
  for (const text of [
    '1970-01-01T00:00:00.000000Z',
    '2026-11-23T04:05:06.123456Z',
    '2024-02-29T23:59:59.999999Z',
    '1969-12-31T23:59:59.999999Z',
  ]) {
    expect(formatTime(parseTime(text))).toBe(text)
  }
  expect(parseTime('1970-01-01T00:00:01.000002Z')).toBe(1_000_002n)
  for (const bad of [
    '2026-02-29T00:00:00.000000Z',
    '2026-11-23T04:05:06Z',
    '2026-11-23T04:05:06.123Z',
    '2026-11-23T04:05:06.123456+08:00',
    '2026-11-23T24:00:00.000000Z',
    '2026-11-23T04:05:60.000000Z',
    '2026-11-23t04:05:06.123456z',
  ]) {
    expect(() => parseTime(bad), bad).toThrow()
  }
})

it('shows the server’s instant in a zone', () => {
  expect(clockText(parseTime('2026-11-23T07:40:49.204999Z'), 'Asia/Shanghai')).toEqual({
    date: '2026-11-23',
    time: '15:40:49',
    millis: '204',
  })
  expect(clockText(parseTime('2026-11-23T16:00:00.000000Z'), 'Asia/Shanghai').time).toBe('00:00:00')
})

it('counts down to zero and never says zero early', () => {
  expect(countdownText(221_000)).toBe('03:41')
  expect(countdownText(1)).toBe('00:01')
  expect(countdownText(0)).toBe('00:00')
  expect(countdownText(-5)).toBe('00:00')
  expect(countdownText(4_663_000)).toBe('1:17:43')
})

describe('the server’s clock', () => {
  it('believes the shortest round trip and states its uncertainty', () => {
    let now = 1000
    const clock = new ServerClock(
      () => now,
      () => 0,
    )
    // True offset 500 000; an asymmetric slow answer would mislead by 40 ms.
    clock.add({ sentMs: 0, receivedMs: 100, serverMs: 500_090 })
    clock.add({ sentMs: 200, receivedMs: 208, serverMs: 500_204 })
    const estimate = clock.estimate()!
    expect(estimate.offsetMs).toBe(500_000)
    expect(estimate.roundTripMs).toBe(8)
    expect(estimate.uncertaintyMs).toBeCloseTo(4 + 792 * 1e-4, 5)
    now = 2000
    expect(clock.nowMs()).toBe(502_000)
  })

  it('lets a fresh sample win over an aged one', () => {
    let now = 0
    const clock = new ServerClock(
      () => now,
      () => 0,
    )
    clock.add({ sentMs: 0, receivedMs: 2, serverMs: 101 })
    now = 3_600_000
    clock.add({ sentMs: now - 10, receivedMs: now, serverMs: now - 5 + 300 })
    expect(clock.estimate()!.offsetMs).toBe(300)
  })

  it('is always within its own uncertainty, whatever the asymmetry', () => {
    let seed = 7
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647
    for (let run = 0; run < 200; run++) {
      let now = 0
      const truth = Math.round(random() * 1e6)
      const clock = new ServerClock(
        () => now,
        () => 0,
      )
      for (let i = 0; i < 5; i++) {
        const sentMs = now
        const there = random() * 200
        const back = random() * 200
        now += there + back
        clock.add({ sentMs, receivedMs: now, serverMs: sentMs + there + truth })
      }
      const estimate = clock.estimate()!
      expect(Math.abs(estimate.offsetMs - truth)).toBeLessThanOrEqual(estimate.uncertaintyMs + 1e-6)
    }
  })

  it('synchronises over failures, and says when nothing came', async () => {
    let now = 0
    const clock = new ServerClock(
      () => now,
      () => 0,
    )
    let calls = 0
    const estimate = await synchronise(
      clock,
      async () => {
        now += 10
        if (calls++ % 2 === 0) throw new Error('lost')
        return 1000 + now
      },
      4,
      () => now,
    )
    expect(estimate.samples).toBe(2)
    await expect(
      synchronise(
        new ServerClock(
          () => 0,
          () => 0,
        ),
        () => Promise.reject(new Error('lost')),
      ),
    ).rejects.toThrow()
  })
})
