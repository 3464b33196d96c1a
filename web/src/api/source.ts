/**
 * Where the screens get their view models. Production wires it to REST and the live stream; in development a fixture
 * stands in. The screens cannot tell.
 */

import type { Entry } from '@/model/events'
import type { FloorView, HallView, LotView, NoticeFilter, NoticePage, ReviewView, RoomView } from '@/model/views'

export interface Source {
  hall(): Promise<HallView>
  notices(filter: NoticeFilter, after: string | null): Promise<NoticePage>
  lot(id: string): Promise<LotView>
  room(lotId: string): Promise<RoomView>
  floor(): Promise<FloorView>
  review(id: string): Promise<ReviewView>
  /** Calls back for every entry from `from` on, once and in order; returns how to stop. */
  watch(scope: string, from: number, onEntry: (entry: Entry) => void): () => void
}

/** Why a screen has nothing to show, in the words of `StateBox`. */
export class LoadError extends Error {
  constructor(
    readonly state: 'error' | 'offline' | 'forbidden' | 'missing',
    readonly detail?: string,
  ) {
    super(detail ?? state)
  }
}

const unavailable = (): Promise<never> => Promise.reject(new LoadError('offline'))

let current: Source = {
  hall: unavailable,
  notices: unavailable,
  lot: unavailable,
  room: unavailable,
  floor: unavailable,
  review: unavailable,
  watch: () => () => {},
}

export const source = (): Source => current
export function useSource(next: Source): void {
  current = next
}
