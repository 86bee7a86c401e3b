import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuditAgent } from './record.ts'

/** Within which request and operation something is done. */
export type AuditDoor = Pick<AuditAgent, 'request' | 'operation'>

/**
 * Runs what is done within the door. It decides nothing and is asked by the audit alone: what pages use is opened once for all, and asked
 * for somebody by their id, through more hands than should carry it for the record's sake.
 */
export const withinDoor = <T>(door: AuditDoor, run: () => T): T => doors.run(door, run)

/** The door within which this runs; nothing where there is none. */
export const currentDoor = (): AuditDoor => doors.getStore() ?? {}

const doors = new AsyncLocalStorage<AuditDoor>()
