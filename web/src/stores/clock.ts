/** The one clock of this page: the server's, as far as it is known. */
import { ServerClock } from '@/lib/time'

export const serverClock = new ServerClock()
