import type { Caller } from '../access/caller.ts'
import type { Registry } from '../fhir/registry.ts'
import { type AuditDoor, agentOf } from '../storage/audit/agent.ts'
import { auditedStore } from '../storage/audit/audited-store.ts'
import { beginEpoch } from '../storage/audit/epoch.ts'
import { type AuditWriting, noTrail, openTrail, type Trail } from '../storage/audit/trail.ts'
import { openDatabase } from '../storage/database.ts'
import type { Store } from '../storage/store.ts'

/** What everything that a caller does passes. */
export type Audit = {
  readonly trail: Trail
  readonly audited: (store: Store, caller: Caller, door?: AuditDoor) => Store
  readonly close: () => Promise<void>
}

/** Over a connection of its own, for which no request waits. `off` is for the bench alone. */
export const openAudit = async (
  databaseUrl: string,
  { registry, writing }: { readonly registry: Registry; readonly writing: AuditWriting },
): Promise<Audit> => {
  const database = openDatabase(databaseUrl, { poolSize: 1 })
  await beginEpoch(database)
  const trail = writing === 'on' ? openTrail(database) : noTrail
  return {
    trail,
    audited: (store, caller, door) =>
      writing === 'on' ? auditedStore(store, { trail, registry, agent: agentOf(caller, door) }) : store,
    close: () => database.close(),
  }
}
