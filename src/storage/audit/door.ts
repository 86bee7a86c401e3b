import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuditAgent } from './record.ts'

/** The request and operation in which something is done. */
export type AuditDoor = Pick<AuditAgent, 'request' | 'operation'>

/**
 * Runs something within the door. It decides nothing, and only the audit reads it. What pages use is opened once for everybody and asked for somebody
 * by their id, through many functions which should not have to pass this on just for the record.
 */
export const withinDoor = <T>(door: AuditDoor, run: () => T): T => doors.run(door, run)

/** The door within which this runs; empty if there is none. */
export const currentDoor = (): AuditDoor => doors.getStore() ?? {}

const doors = new AsyncLocalStorage<AuditDoor>()
