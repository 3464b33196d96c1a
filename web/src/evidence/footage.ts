/**
 * Looking at footage, and checking it: every file that is played is hashed here and compared with what the ledger announced.
 * A flipped byte plays on with a smear; only the hash tells.
 */
import { get, post } from '@/api/call'
import { api, call, type Schemas } from '@/api/client'
import { entryAt, prove } from '@/api/trust'
import { sha256, toBase64 } from '@/lib/bytes'
import { parseTime, type Micros } from '@/lib/time'
import type { ReadEntry } from '@/verify'

export type Room = Schemas['RoomView']
export type Camera = Schemas['CameraView']
export type Clip = Schemas['ClipView']
export type Viewing = Schemas['ViewingView']
export type Sight = Schemas['SightView']
export type Alarm = Schemas['AlarmView']

export type Hold = Schemas['HoldView']

/**
 * `verified`: the bytes are what an entry of the ledger announced, in time. `waiting`: they are what the recorder says, and
 * their entry, or its proof, is still to come. `late`: the entry came so late that they could have been made meanwhile.
 * `mismatch`: they are not what was announced. `gone`: they were announced, and the server does not have them any more.
 */
export type Verdict = 'verified' | 'waiting' | 'late' | 'mismatch' | 'gone'

/** A file that is not what it should be; `instead`: the file of this viewing whose bytes stand in its place. */
export interface Finding {
  name: string
  verdict: 'late' | 'mismatch' | 'gone'
  from: string | null
  instead: string | null
}

/** Ledger format §7: an announcement proves nothing about pictures that ended longer ago than this. */
const LATE_MICROS = 180_000_000n

export const rooms = async (): Promise<Room[]> => (await get<{ items: Room[] }>('/rooms')).items
/** A sound level with a true minus sign. */
export const decibels = (db: number): string => `${db < 0 ? '−' : ''}${Math.abs(db)} dB`
/** Where the lot sits. */
export const roomOf = (list: readonly Room[], lot: string): Room | null =>
  list.find((room) => room.bookings.some((booking) => booking.lot === lot)) ?? null
export const cameraOf = (list: readonly Room[], lot: string): Camera | null => roomOf(list, lot)?.cameras[0] ?? null
export const clipsOf = async (lot: string): Promise<Clip[]> =>
  (await get<{ items: Clip[] }>(`/lots/${lot}/clips`)).items
export const alarms = async (): Promise<Alarm[]> => (await get<{ items: Alarm[] }>('/alarms')).items
export const look = (what: { camera: string } | { clip: string }, reason: string): Promise<Viewing> =>
  post<Viewing>('/viewings', { ...what, reason })
export const holds = async (): Promise<Hold[]> => (await get<{ items: Hold[] }>('/holds')).items
/** Keeps the footage however old it gets; answers with the entry that says so. */
export const hold = async (camera: string, from: string, to: string, reason: string): Promise<number> =>
  (await post<{ seq: number }>(`/cameras/${camera}/holds`, { from, to, reason })).seq
export const liftHold = async (id: string, reason: string): Promise<number> =>
  (await post<{ seq: number }>(`/holds/${id}/lift`, { reason })).seq
/** The clip as a ZIP with its manifest. */
export const exported = async (clip: string, reason: string): Promise<Blob> => {
  const init = { params: { path: { clip } }, body: { reason }, parseAs: 'blob' as const }
  return (await call(api.POST('/api/v1/clips/{clip}/export', init))) as unknown as Blob
}
export const sight = (viewing: string): Promise<Sight> => get<Sight>(`/viewings/${viewing}`)

/** What another system gives now of a clip that it keeps, and whether that is what it gave when the clip was made. */
export async function givenElsewhere(viewing: string, digest: string): Promise<{ film: Blob; same: boolean }> {
  const init = { params: { path: { viewing } }, parseAs: 'blob' as const }
  const film = (await call(api.GET('/api/v1/viewings/{viewing}/elsewhere.mp4', init))) as unknown as Blob
  return { film, same: toBase64(await sha256(new Uint8Array(await film.arrayBuffer()))) === digest }
}

/** What an entry announces: each digest, and whether it came in time. */
export type Announced = Map<string, 'in time' | 'late'>

interface Stretch {
  init: string
  from: string
  segments: { digest: string; span: number }[]
}

/** The digests that the entry announces: its payload hashed to its leaf here, its leaf proven to be in the signed tree. */
export async function announcedBy(
  seq: number,
  read: (seq: number) => Promise<ReadEntry> = entryAt,
  proof: (entry: ReadEntry) => Promise<unknown> = prove,
): Promise<Announced> {
  const entry = await read(seq)
  const found: Announced = new Map()
  if (!entry.payload || entry.payload.kind !== 'evidence.segments_recorded') return found
  await proof(entry)
  const { stretches = [] } = entry.payload.data as unknown as { stretches?: Stretch[] }
  for (const { init, from, segments } of stretches) {
    let end: Micros = parseTime(from)
    found.set(init, 'in time')
    for (const { digest, span } of segments) {
      end += BigInt(span)
      found.set(digest, entry.time > end + LATE_MICROS ? 'late' : 'in time')
    }
  }
  return found
}

/** `RUN/00000012.m4s` out of a URL. */
export const nameOf = (url: string): string => url.split('?')[0]!.split('/').slice(-2).join('/')

/** The segment's number; `null` for the data that a run begins with. */
export const numberOf = (name: string): number | null => {
  const digits = /\/(\d+)\.m4s$/.exec(name)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** What is known of the files of a viewing, and what their bytes came to. */
export class Checker {
  private readonly entries = new Map<number, Promise<Announced>>()
  private readonly digests = new Map<string, string>()
  readonly verdicts = new Map<string, Verdict>()

  constructor(
    private files: Sight['files'],
    private readonly announced: (seq: number) => Promise<Announced> = announcedBy,
    private readonly again?: () => Promise<Sight['files']>,
  ) {}

  async check(name: string, bytes: Uint8Array): Promise<Verdict> {
    const digest = toBase64(await sha256(bytes))
    this.digests.set(name, digest)
    const verdict = await this.judge(name, digest)
    this.verdicts.set(name, verdict)
    return verdict
  }

  /** The server had to have it, and says that it has not. */
  gone(name: string): void {
    this.verdicts.set(name, 'gone')
  }

  /** Everything that is wrong, file by file. */
  get findings(): Finding[] {
    const found: Finding[] = []
    for (const [name, verdict] of this.verdicts) {
      if (verdict === 'verified' || verdict === 'waiting') continue
      const digest = this.digests.get(name)
      const other = verdict === 'mismatch' ? this.files.find((f) => f.sha256 === digest && f.name !== name) : undefined
      const from = this.files.find((f) => f.name === name)?.from ?? null
      found.push({ name, verdict, from, instead: other?.name ?? null })
    }
    return found
  }

  /** Judges again what waited: live, the newest footage is always ahead of its entry. */
  async refresh(): Promise<void> {
    const waiting = [...this.verdicts].filter(([, verdict]) => verdict === 'waiting').map(([name]) => name)
    if (waiting.length === 0) return
    if (this.again) this.files = await this.again()
    for (const name of waiting) {
      // What has left the window is told about no more.
      if (!this.files.some((f) => f.name === name)) this.verdicts.delete(name)
      else this.verdicts.set(name, await this.judge(name, this.digests.get(name)!))
    }
  }

  private async judge(name: string, digest: string): Promise<Verdict> {
    let file = this.files.find((f) => f.name === name)
    if (!file && this.again) {
      this.files = await this.again()
      file = this.files.find((f) => f.name === name)
    }
    // Live, what is not listed has left the window already; nothing else may be shown.
    if (!file && this.again) return 'waiting'
    if (!file || file.sha256 !== digest) return 'mismatch'
    if (file.seq === undefined || file.seq === null) return 'waiting'
    const entry = this.entries.get(file.seq) ?? this.announced(file.seq)
    this.entries.set(file.seq, entry)
    try {
      // What the server says of a file counts only if the ledger says so too.
      const announced = (await entry).get(digest)
      return announced === 'in time' ? 'verified' : announced === 'late' ? 'late' : 'mismatch'
    } catch {
      // No answer, or a proof that cannot be had yet (a tree that witnesses have still to cosign): asked for again, and until
      // it holds nothing is called verified.
      this.entries.delete(file.seq)
      return 'waiting'
    }
  }

  get waiting(): number {
    return [...this.verdicts.values()].filter((verdict) => verdict === 'waiting').length
  }

  /** The worst of all that was played; of footage that is still coming, the newest may wait. */
  get worst(): Verdict | null {
    const all = [...this.verdicts.values()]
    const order = this.again
      ? (['mismatch', 'gone', 'late', 'verified', 'waiting'] as const)
      : (['mismatch', 'gone', 'late', 'waiting', 'verified'] as const)
    return order.find((v) => all.includes(v)) ?? null
  }
}
