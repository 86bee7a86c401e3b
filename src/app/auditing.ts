import type { Caller } from '../access/caller.ts'
import type { Registry } from '../fhir/registry.ts'
import { agentOf } from '../storage/audit/agent.ts'
import { auditedStore } from '../storage/audit/audited-store.ts'
import { concernedBy, type Found } from '../storage/audit/concerned.ts'
import type { AuditDoor } from '../storage/audit/door.ts'
import { beginEpoch } from '../storage/audit/seal/epoch.ts'
import { type AuditWriting, noTrail, openTrail, type Trail } from '../storage/audit/trail.ts'
import { openDatabase } from '../storage/database.ts'
import type { DiskRoom } from '../storage/postgres/disk-room.ts'
import type { Store } from '../storage/store.ts'

/** What everything that a caller does passes. */
export type Audit = {
  readonly trail: Trail
  readonly audited: (store: Store, caller: Caller, door?: AuditDoor) => Store
  /** Keeps that a subscriber is told of resources; nothing where there are none. */
  readonly recordTold: (subscriber: Caller | undefined, told: readonly Found[]) => Promise<void>
  readonly close: () => Promise<void>
}

type Options = { readonly registry: Registry; readonly writing: AuditWriting; readonly room: DiskRoom }

/** Over a connection of its own, for which no request waits. `off` is for the bench alone. */
export const openAudit = async (databaseUrl: string, { registry, writing, room }: Options): Promise<Audit> => {
  const database = openDatabase(databaseUrl, { poolSize: 1, room })
  await beginEpoch(database)
  const trail = writing === 'on' ? openTrail(database) : noTrail
  return {
    trail,
    audited: (store, caller, door) =>
      writing === 'on' ? auditedStore(store, { trail, registry, agent: agentOf(caller, door) }) : store,
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
