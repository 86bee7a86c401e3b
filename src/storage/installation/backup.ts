import type { AuditEvent } from '@medplum/fhirtypes'
import { systems } from '../../fhir/canonical.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** A backup of the database, as reported by whoever makes backups. */
export type Backup = {
  /** What made it: `pg_dump`. */
  readonly by: string
  /** When it was begun. What was written before that is in it. */
  readonly taken: Date
  readonly bytes?: number
  /** Where it is, or what it is called. */
  readonly label?: string
  /** Set if it failed: why. */
  readonly failed?: string
}

/** It names nobody, and is meant for administrators of the installation. */
export const backupRecorded = ({ by, taken, bytes, label, failed }: Backup): AuditEvent => ({
  resourceType: 'AuditEvent',
  type: { ...archive, display: 'Archive Record Lifecycle Event' },
  action: 'E',
  period: { start: taken.toISOString() },
  recorded: new Date().toISOString(),
  outcome: failed === undefined ? outcomes.taken : outcomes.failed,
  outcomeDesc:
    failed === undefined ? `A backup was taken by ${by}` : `A backup by ${by} has failed${failed && `: ${failed}`}`,
  agent: [{ who: { identifier: { value: 'cli' } }, requestor: true }],
  source: { observer: { display: 'Command line of this server' } },
  entity: [
    {
      ...(label === undefined ? {} : { what: { identifier: { value: label } } }),
      detail: Object.entries({ by, bytes, failed }).flatMap(([type, value]) =>
        value === undefined ? [] : [{ type, valueString: String(value) }],
      ),
    },
  ],
})

/** The newest one that was taken and the newest one that failed, by when they were begun. */
export const readBackups = async (
  connection: Connection,
): Promise<{ readonly last: Backup | undefined; readonly failed: Backup | undefined }> => ({
  last: await newest(connection, sql.fragment`'0'`),
  failed: await newest(connection, sql.fragment`'8'`),
})

/** https://hl7.org/fhir/R4/valueset-audit-event-outcome.html */
const outcomes = { taken: '0', failed: '8' } as const

const archive = { system: systems.recordLifecycle, code: 'archive' } as const

/** Condition and order are those of the index `audit_event_backup`. */
const newest = async (connection: Connection, outcome: SqlFragment): Promise<Backup | undefined> => {
  const found = await connection.maybeOne<{ content: string }>(sql.fragment`
    SELECT content::text AS content FROM audit_event
    WHERE content @> '{"type": {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "archive"}}'
      AND content ->> 'outcome' = ${outcome} AND audit_is_of_installation(content)
    ORDER BY content #>> '{period,start}' DESC LIMIT 1`)
  return found && toBackup(JSON.parse(found.content))
}

const toBackup = ({ period, entity: [entity] = [] }: AuditEvent): Backup => {
  const said = Object.fromEntries(entity?.detail?.map(({ type, valueString }) => [type, valueString]) ?? [])
  const label = entity?.what?.identifier?.value
  return {
    by: said.by ?? '',
    taken: new Date(period?.start ?? ''),
    ...(said.bytes === undefined ? {} : { bytes: Number(said.bytes) }),
    ...(label === undefined ? {} : { label }),
    ...(said.failed === undefined ? {} : { failed: said.failed }),
  }
}
