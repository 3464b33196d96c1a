/** Which screens a role has beside the public ones; the first is where signing in leads. */
import type { Viewer } from '@/stores/session'

export interface Desk {
  key: string
  to: string
}

const OFFICE: Desk[] = [{ key: 'office', to: '/office' }]
const ADMIN: Desk[] = [{ key: 'admin', to: '/admin' }]
const DESKS: Partial<Record<Viewer['role'], Desk[]>> = {
  bidder: [
    { key: 'mine', to: '/my' },
    { key: 'keys', to: '/keys' },
  ],
  owner: OFFICE,
  operator: [...OFFICE, { key: 'floor', to: '/floor' }],
  supervisor: [{ key: 'floor', to: '/floor' }],
  reviewer: [{ key: 'review', to: '/review' }],
  system_admin: ADMIN,
  security_admin: ADMIN,
  audit_admin: ADMIN,
}

export const desksOf = (role: Viewer['role'] | undefined): Desk[] => (role === undefined ? [] : (DESKS[role] ?? []))
