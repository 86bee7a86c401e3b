import type { Caller } from '../access/caller.ts'
import type { Metrics } from '../events/metrics.ts'
import type { Registry } from '../fhir/registry.ts'
import { agentOf } from '../storage/audit/agent.ts'
import { auditedStore } from '../storage/audit/audited-store.ts'
import { concernedBy, type Found } from '../storage/audit/concerned.ts'
import type { AuditDoor } from '../storage/audit/door.ts'
import type { AuditRecord } from '../storage/audit/record.ts'
import { isRefusal } from '../storage/audit/refusal.ts'
import { beginEpoch } from '../storage/audit/seal/epoch.ts'
import { type AuditWriting, noTrail, openTrail, type Trail } from '../storage/audit/trail.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import type { DiskRoom } from '../storage/postgres/disk-room.ts'
import type { Store } from '../storage/store.ts'
import { type Told, tellingStore } from '../storage/upload/telling-store.ts'

/** Records everything that callers do. */
export type Audit = {
  readonly trail: Trail
  /** `wait`: how the caller's request waits for a record. */
  readonly audited: (store: Store, caller: Caller, door?: AuditDoor, wait?: Wait) => Store
  /** Records that a subscriber is told of resources; does nothing if there are none. */
  readonly recordTold: (subscriber: Caller | undefined, told: readonly Found[]) => Promise<void>
  /** How many records are being written. */
  readonly waiting: () => number
  readonly connections: Pick<Database, 'use'>
  readonly close: () => Promise<void>
}

type Wait = (run: () => Promise<void>) => Promise<void>

type Options = {
  readonly registry: Registry
  readonly writing: AuditWriting
  readonly room: DiskRoom
  readonly metrics: Metrics | undefined
}

/** On a connection of its own, so that it waits for no request. `off` is only for the bench. */
export const openAudit = async (databaseUrl: string, { registry, writing, room, metrics }: Options): Promise<Audit> => {
  const database = openDatabase(databaseUrl, { poolSize: 1, room })
  await beginEpoch(database)
  const { trail, waiting } = counting(writing === 'on' ? openTrail(database) : noTrail, metrics)
  const counted = (store: Store) => (metrics === undefined ? store : tellingStore(store, countTold(metrics)))
  return {
    trail,
    waiting,
    connections: database,
    audited: (store, caller, door, wait = run => run()) => {
      if (writing === 'off') return store
      const keep = (record: AuditRecord) => wait(() => trail.keep(record))
      return counted(auditedStore(store, { trail: { ...trail, keep }, registry, agent: agentOf(caller, door) }))
    },
    recordTold: async (subscriber, told) => {
      if (subscriber === undefined || told.length === 0) return
      const agent = agentOf(subscriber, { operation: 'notification' })
      await trail.keep({
        ...agent,
        interaction: 'read',
        ...concernedBy(registry, {}, told),
        outcome: 200,
      })
    },
    close: () => database.close(),
  }
}

const counting = (trail: Trail, metrics: Metrics | undefined): { trail: Trail; waiting: () => number } => {
  if (metrics === undefined) return { trail, waiting: () => 0 }
  let waiting = 0
  const keep: Trail['keep'] = async record => {
    if (isRefusal(record.outcome)) metrics.attemptRefused(record.interaction, record.outcome)
    waiting += 1
    try {
      await trail.keep(record)
    } finally {
      waiting -= 1
    }
  }
  return { trail: { ...trail, keep }, waiting: () => waiting }
}

/** Writes that are refused are recorded with those that are not, and not by themselves. */
const countTold =
  ({ uploaded, attemptRefused }: Metrics) =>
  (told: readonly Told[]): void => {
    for (const one of told)
      if (one.kind === 'upload') uploaded(one.fate)
      else if (isRefusal(one.status)) attemptRefused(one.interaction, one.status)
  }
