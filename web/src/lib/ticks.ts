/** Axis ticks at 1, 2 or 5 times a power of ten. Geometry only: amounts on an axis are never computed with. */
export function niceTicks(low: number, high: number, about: number): number[] {
  const span = high - low || Math.abs(high) || 1
  const raw = span / Math.max(1, about)
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.75) ?? 10 * power
  const ticks: number[] = []
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) ticks.push(i * step)
  return ticks
}

const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440, 2880, 10080]

/** Whole minutes, hours or days for a time axis, in ms; `offsetMs` is how far the zone shown is ahead of UTC. */
export function timeTicks(fromMs: number, toMs: number, about: number, offsetMs = 0): number[] {
  const step = (STEPS_MIN.find((m) => (toMs - fromMs) / (m * 60_000) <= about) ?? 10_080) * 60_000
  const ticks: number[] = []
  for (let t = Math.ceil((fromMs + offsetMs) / step) * step - offsetMs; t <= toMs; t += step) ticks.push(t)
  return ticks
}
