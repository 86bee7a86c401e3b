import type { Config } from '../config.ts'
import type { ReportFault } from '../events/faults.ts'
import { type Figure, type Metrics, openMetrics } from '../events/metrics.ts'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { askedOf, interactionsBesideFhir } from '../http/counted-requests.ts'
import type { MetricsOptions } from '../http/metrics.ts'
import { routes } from '../operations/operations.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { readOperatingFigures } from '../storage/installation/operating-figures.ts'
import type { PoolUse } from '../storage/postgres/pool.ts'

/** What a server counts of itself, and what of it is answered. */
export type Metering = {
  readonly metrics: Metrics
  readonly routes: (parts: Parts) => MetricsOptions
  readonly close: () => Promise<void>
}

type Parts = {
  /** The connections of requests. */
  readonly database: Pick<Database, 'use'>
  /** How many records of who did what are being written. */
  readonly auditWaiting: () => number
  readonly reportFault: ReportFault
}

type Options = {
  readonly config: Pick<Config, 'metricsToken'>
  readonly databaseUrl: string
  readonly registry: Registry
}

/** Undefined if nothing may read it: then nothing is counted either. */
export const openMetering = async ({ config, databaseUrl, registry }: Options): Promise<Metering | undefined> => {
  const { metricsToken: token } = config
  if (token === undefined) return undefined
  const metrics = await openMetrics({
    interactions: new Set([...routes.map(one => askedOf(one).interaction), 'operation', ...interactionsBesideFhir]),
    types: new Set([...registry.resourceTypes, ...typesBesideFhir]),
  })
  // A connection of its own: what is asked when all others are taken is asked just then.
  const database = openDatabase(databaseUrl, {
    poolSize: 1,
    statementTimeoutMs: patienceMs,
    connectTimeoutMs: patienceMs,
  })
  return {
    metrics,
    routes: ({ database: asked, auditWaiting, reportFault }) => ({
      token,
      contentType: metrics.contentType,
      text: async () =>
        metrics.text([
          ...(await databaseFigures(database, reportFault)),
          ...poolFigures('requests', asked.use().planned),
          ...poolFigures('searches', asked.use().kept),
          { name: 'sharewell_audit_waiting', value: auditWaiting() },
        ]),
    }),
    close: () => database.close(),
  }
}

const patienceMs = 4000

const typesBesideFhir = ['none']

/** That the database is away is a figure too. */
const databaseFigures = async (database: Database, reportFault: ReportFault): Promise<readonly Figure[]> => {
  try {
    const { bytes, unsealed, jobs, letters, lastBackup } = await readOperatingFigures(database)
    return [
      { name: 'sharewell_database_up', value: 1 },
      { name: 'sharewell_database_bytes', value: bytes },
      { name: 'sharewell_audit_unsealed', value: unsealed.count },
      { name: 'sharewell_audit_unsealed_seconds', value: unsealed.seconds },
      ...jobs.flatMap(({ queue, waiting, ...states }) =>
        byState('sharewell_jobs', { waiting: waiting - states.retrying, ...states }, { queue }),
      ),
      ...byState('sharewell_letters', letters),
      ...(lastBackup === undefined
        ? []
        : [{ name: 'sharewell_last_backup_timestamp_seconds', value: lastBackup.getTime() / 1000 } as const]),
    ]
  } catch (error) {
    if (!(error instanceof FhirError)) reportFault(error)
    return [{ name: 'sharewell_database_up', value: 0 }]
  }
}

const poolFigures = (pool: string, { most, open, idle, waiting, waits, waitedMs }: PoolUse): readonly Figure[] => [
  ...byState('sharewell_database_connections', { used: open - idle, idle }, { pool }),
  { name: 'sharewell_database_connections_most', labels: { pool }, value: most },
  { name: 'sharewell_database_waiting', labels: { pool }, value: waiting },
  { name: 'sharewell_database_waits_total', labels: { pool }, value: waits },
  { name: 'sharewell_database_wait_seconds_total', labels: { pool }, value: waitedMs / 1000 },
]

const byState = (
  name: Figure['name'],
  states: Readonly<Record<string, number>>,
  labels: Readonly<Record<string, string>> = {},
): readonly Figure[] => Object.entries(states).map(([state, value]) => ({ name, labels: { ...labels, state }, value }))
