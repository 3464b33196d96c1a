/** Lots that may sit in a room, and those that sit there already, by name. */
import { all, get } from '@/api/call'
import { parseTime, toMillis } from '@/lib/time'
import type { Room } from './footage'

export interface Session {
  id: string
  title: string
  code: string
  phase: string
  /** When the auction opens, ms; null when that is not known. */
  opens: number | null
}
interface Summary {
  id: string
  title: string
  code: string
  phase: string
  opens_at?: string | null
}
interface Known {
  id: string
  title: string
  phase: string
  project: { code: string }
}

const PHASES = 'noticed,sign_up,waiting,running'

/** What comes and what runs, the next opening first. */
export async function comingSessions(): Promise<Session[]> {
  const found = await all<Summary>(`/lots?phase=${PHASES}&limit=100`)
  return found
    .map(({ opens_at, id, title, code, phase }) => {
      return { id, title, code, phase, opens: opens_at ? toMillis(parseTime(opens_at)) : null }
    })
    .sort((a, b) => (a.opens ?? 0) - (b.opens ?? 0))
}

/** Adds what is booked and neither comes nor runs any more. */
export async function nameBooked(rooms: readonly Room[], names: Map<string, Session>): Promise<void> {
  const unknown = new Set(rooms.flatMap((r) => r.bookings.map((b) => b.lot)).filter((id) => !names.has(id)))
  for (const id of unknown) {
    const { title, phase, project } = await get<Known>(`/lots/${id}`)
    names.set(id, { id, title, phase, code: project.code, opens: null })
  }
}
