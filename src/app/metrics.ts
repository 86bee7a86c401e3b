import type { Config } from '../config.ts'
import type { ReportFault } from '../events/faults.ts'
import { type Figure, type Metrics, openMetrics } from '../events/metrics.ts'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { askedOf, interactionsBesideFhir } from '../http/counted-requests.ts'
import type { MetricsOptions } from '../http/metrics.ts'
import { routes } from '../operations/operations.ts'
import { readUnsealed } from '../storage/audit/seal/unsealed.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { readBackups } from '../storage/installation/backup.ts'
import { countJobs, countLetters, isAnswering, readBytes } from '../storage/installation/system-state.ts'
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
  /** Those of other work. */
  readonly others: Readonly<Partial<Record<OtherPool, Pick<Database, 'use'>>>>
  /** How many records of who did what are being written. */
  readonly auditWaiting: () => number
  readonly reportFault: ReportFault
}

type OtherPool = 'dictionary' | 'records' | 'sealing' | 'subscriptions'

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
  // Connections of its own: what is asked when all others are taken is asked just then. Two, so that what is slow holds up nothing else.
  const database = openDatabase(databaseUrl, {
    poolSize: 2,
    statementTimeoutMs: patienceMs,
    connectTimeoutMs: patienceMs,
  })
  return {
    metrics,
    routes: ({ database: asked, others, auditWaiting, reportFault }) => ({
      token,
      contentType: metrics.contentType,
      text: async () =>
        metrics.text([
          ...(await databaseFigures(database, reportFault)),
          ...poolFigures('requests', asked.use().planned),
          ...poolFigures('searches', asked.use().kept),
          ...Object.entries(others).flatMap(([pool, one]) => poolFigures(pool, together(one.use()))),
          { name: 'sharewell_audit_waiting', value: auditWaiting() },
        ]),
    }),
    close: () => database.close(),
  }
}

const patienceMs = 4000

const typesBesideFhir = ['none']

/** That the database is away is a figure too; and of what cannot be read in time, which one it is. */
const databaseFigures = async (database: Database, reportFault: ReportFault): Promise<readonly Figure[]> => {
  const unlessFault = async <Found>(found: Promise<Found>): Promise<Found | undefined> => {
    try {
      return await found
    } catch (error) {
      if (!(error instanceof FhirError)) reportFault(error)
      return undefined
    }
  }
  const isUp = (await unlessFault(isAnswering(database))) ?? false
  const up: Figure = { name: 'sharewell_database_up', value: Number(isUp) }
  if (!isUp) return [up]
  const told = Object.entries(readings).map(async ([figure, read]): Promise<readonly Figure[]> => {
    const found = await unlessFault(read(database))
    const isMissing: Figure = {
      name: 'sharewell_figures_missing',
      labels: { figure },
      value: Number(found === undefined),
    }
    return [isMissing, ...(found ?? [])]
  })
  return [up, ...(await Promise.all(told)).flat()]
}

/** What the database is asked, each by itself. */
const readings: Readonly<Record<string, (database: Database) => Promise<readonly Figure[]>>> = {
  bytes: async database => [{ name: 'sharewell_database_bytes', value: await readBytes(database) }],
  unsealed: async database => {
    const { count, seconds } = await readUnsealed(database)
    return [
      { name: 'sharewell_audit_unsealed', value: count },
      { name: 'sharewell_audit_unsealed_seconds', value: seconds },
    ]
  },
  jobs: async database =>
    ((await countJobs(database)) ?? []).flatMap(({ queue, waiting, ...states }) =>
      byState('sharewell_jobs', { waiting: waiting - states.retrying, ...states }, { queue }),
    ),
  letters: async database => byState('sharewell_letters', await countLetters(database)),
  backup: async database => {
    const { last } = await readBackups(database)
    return last === undefined
      ? []
      : [{ name: 'sharewell_last_backup_timestamp_seconds', value: last.taken.getTime() / 1000 }]
  },
}

/** Of both kinds of connections, planned and kept. */
const together = ({ planned, kept }: ReturnType<Database['use']>): PoolUse => ({
  most: planned.most + kept.most,
  open: planned.open + kept.open,
  idle: planned.idle + kept.idle,
  waiting: planned.waiting + kept.waiting,
  waits: planned.waits + kept.waits,
  waitedMs: planned.waitedMs + kept.waitedMs,
})

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
