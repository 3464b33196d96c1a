/**
 * Looking at footage, and checking it: every file that is played is hashed here and compared with what the ledger announced.
 * A flipped byte plays on with a smear; only the hash tells.
 */
import { get, post, text } from '@/api/call'
import { sha256, toBase64 } from '@/lib/bytes'
import type { Schemas } from '@/api/client'

export type Room = Schemas['RoomView']
export type Camera = Schemas['CameraView']
export type Clip = Schemas['ClipView']
export type Viewing = Schemas['ViewingView']
export type Sight = Schemas['SightView']
export type Alarm = Schemas['AlarmView']

/**
 * `verified`: the bytes are what an entry of the ledger announced. `waiting`: they are what the recorder says, and their
 * entry is still to come. `mismatch`: they are not what was announced.
 */
export type Verdict = 'verified' | 'waiting' | 'mismatch'

export const rooms = async (): Promise<Room[]> => (await get<{ items: Room[] }>('/rooms')).items
export const clipsOf = async (lot: string): Promise<Clip[]> =>
  (await get<{ items: Clip[] }>(`/lots/${lot}/clips`)).items
export const alarms = async (): Promise<Alarm[]> => (await get<{ items: Alarm[] }>('/alarms')).items
export const look = (what: { camera: string } | { clip: string }, reason: string): Promise<Viewing> =>
  post<Viewing>('/viewings', { ...what, reason })
export const sight = (viewing: string): Promise<Sight> => get<Sight>(`/viewings/${viewing}`)

/** The digests that an entry announces. */
export async function announcedBy(seq: number, read = text): Promise<Set<string>> {
  const payload = JSON.parse(await read(`/ledger/main/payload/${seq}`)) as {
    kind: string
    data: { stretches?: { init: string; segments: { digest: string }[] }[] }
  }
  if (payload.kind !== 'evidence.segments_recorded') return new Set()
  return new Set((payload.data.stretches ?? []).flatMap((s) => [s.init, ...s.segments.map((x) => x.digest)]))
}

/** `RUN/00000012.m4s` out of a URL. */
export const nameOf = (url: string): string => url.split('?')[0]!.split('/').slice(-2).join('/')

/** What is known of the files of a viewing, and what their bytes came to. */
export class Checker {
  private readonly entries = new Map<number, Promise<Set<string>>>()
  readonly verdicts = new Map<string, Verdict>()

  constructor(
    private files: Sight['files'],
    private readonly announced: (seq: number) => Promise<Set<string>> = announcedBy,
    private readonly again?: () => Promise<Sight['files']>,
  ) {}

  async check(name: string, bytes: Uint8Array): Promise<Verdict> {
    const digest = toBase64(await sha256(bytes))
    const verdict = await this.judge(name, digest)
    this.verdicts.set(name, verdict)
    return verdict
  }

  private async judge(name: string, digest: string): Promise<Verdict> {
    let file = this.files.find((f) => f.name === name)
    if (!file && this.again) {
      this.files = await this.again()
      file = this.files.find((f) => f.name === name)
    }
    if (!file || file.sha256 !== digest) return 'mismatch'
    if (file.seq === undefined || file.seq === null) return 'waiting'
    const entry = this.entries.get(file.seq) ?? this.announced(file.seq)
    this.entries.set(file.seq, entry)
    // What the server says of a file counts only if the ledger says so too.
    return (await entry).has(digest) ? 'verified' : 'mismatch'
  }

  /** The worst of all that was played. */
  get worst(): Verdict | null {
    const all = [...this.verdicts.values()]
    return (['mismatch', 'waiting', 'verified'] as const).find((v) => all.includes(v)) ?? null
  }
}
