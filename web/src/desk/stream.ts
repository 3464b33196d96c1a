/** The live stream's transports in a browser: WebSocket with a ticket, Server-Sent Events, pages. */
import { me, post } from '@/api/call'
import { ApiError } from '@/api/client'
import { LiveStream, SessionOver, type SocketLike, type StreamOptions, type Transports } from '@/lib/live'
import { entriesPage, ledger } from '@/api/trust'

const transports = (scope: string): Transports => ({
  socket: (protocols) =>
    new WebSocket(
      `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`,
      protocols,
    ) as SocketLike,
  events(from, onText, onFail) {
    const source = new EventSource(`/api/v1/stream?scope=${encodeURIComponent(scope)}&from=${from}`)
    source.onmessage = ({ data }) => onText(String(data))
    source.onerror = () => {
      source.close()
      onFail()
    }
    return () => source.close()
  },
  async page(from) {
    const { entries, head } = await entriesPage(scope, from - 1)
    return { entries, head: head ?? -1 }
  },
})

/** A ticket for whoever is signed in; null for anybody. */
async function ticket(): Promise<string | null> {
  if (!me.value?.account) return null
  try {
    return (await post<{ ticket: string }>('/live-tickets')).ticket
  } catch (error) {
    throw error instanceof ApiError && error.status === 401 ? new SessionOver() : error
  }
}

export async function follow(
  scope: string,
  options: Pick<StreamOptions, 'from' | 'contiguous' | 'onEntry' | 'onState' | 'onHeartbeat' | 'onCaughtUp'>,
): Promise<LiveStream> {
  const { origin } = await ledger()
  const stream = new LiveStream({ scope, origin, transports: transports(scope), ticket, ...options })
  stream.start()
  return stream
}
