/** Two short tones, made here: the alarm needs no file, and sounds only for who switched it on. */
let context: AudioContext | null = null
export function chime(): void {
  context ??= new AudioContext()
  const at = context.currentTime
  for (const [delay, hertz] of [
    [0, 660],
    [0.18, 880],
  ] as const) {
    const tone = context.createOscillator()
    const gain = context.createGain()
    tone.frequency.value = hertz
    gain.gain.setValueAtTime(0.12, at + delay)
    gain.gain.exponentialRampToValueAtTime(0.001, at + delay + 0.16)
    tone.connect(gain).connect(context.destination)
    tone.start(at + delay)
    tone.stop(at + delay + 0.18)
  }
}
