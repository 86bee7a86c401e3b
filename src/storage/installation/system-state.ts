import type { Connection, Database } from '../database.ts'
import { readMigrations } from '../postgres/migrate.ts'
import { sql } from '../sql.ts'
import { nothingMoreToSay } from '../study/study-message.ts'
import { readBackups } from './backup.ts'
import { type ClockDifference, readClockDifference } from './clock.ts'
import { findReindexBegun } from './reindex-begun.ts'

/** The state of the database, for those who run the installation: figures, and nothing of what is stored. */
export type SystemState = {
  /** PostgreSQL's own version. */
  readonly version: string
  readonly startedAt: Date
  readonly clock: ClockDifference | undefined
  /** When a reindex was begun that has not come to its end. */
  readonly reindexBegun: Date | undefined
  readonly migrations: { readonly applied: number; readonly known: number; readonly last: string }
  readonly bytes: number
  /** The largest tables, with what belongs to them. The number of rows is an estimate, undefined if there is none yet. */
  readonly tables: readonly { readonly name: string; readonly bytes: number; readonly rows: number | undefined }[]
  /** Background work, by queue; undefined if none was ever done. */
  readonly jobs: readonly Jobs[] | undefined
  readonly letters: Letters
  readonly backups: Awaited<ReturnType<typeof readBackups>>
  readonly archive: Archive
}

type Jobs = {
  readonly queue: string
  readonly waiting: number
  /** How many of those that wait have failed, and are tried again by themselves. */
  readonly retrying: number
  readonly active: number
  readonly failed: number
}

/** `failed`: only those of the last seven days, which it makes sense to send again. */
type Letters = { readonly waiting: number; readonly failed: number }

/** PostgreSQL's own copies of everything that is written. https://www.postgresql.org/docs/current/monitoring-stats.html */
type Archive = { readonly isOn: boolean; readonly lastAt: Date | null; readonly failedAt: Date | null }

export const readSystemState = async (connection: Connection): Promise<SystemState> => {
  const { version, startedAt } = await connection.one<{ version: string; startedAt: Date }>(
    sql.fragment`SELECT current_setting('server_version') AS version, pg_postmaster_start_time() AS "startedAt"`,
  )
  const { applied, last } = await connection.one<{ applied: number; last: string }>(
    sql.fragment`SELECT count(*)::int AS applied, max(name) AS last FROM migration`,
  )
  return {
    version,
    startedAt,
    clock: await readClockDifference(connection),
    reindexBegun: await findReindexBegun(connection),
    migrations: { applied, last, known: (await readMigrations()).length },
    bytes: await readBytes(connection),
    tables: await largestTables(connection),
    jobs: await countJobs(connection),
    letters: await countLetters(connection),
    backups: await readBackups(connection),
    archive: await connection.one<Archive>(sql.fragment`
      SELECT current_setting('archive_mode') <> 'off' AS "isOn", last_archived_time AS "lastAt",
        last_failed_time AS "failedAt" FROM pg_stat_archiver`),
  }
}

export const readBytes = async (connection: Connection): Promise<number> => {
  const { bytes } = await connection.one<{ bytes: string }>(
    sql.fragment`SELECT pg_database_size(current_database())::text AS bytes`,
  )
  return Number(bytes)
}

/** Throws if it does not. */
export const isAnswering = async (connection: Connection): Promise<true> => {
  await connection.one(sql.fragment`SELECT`)
  return true
}

const largestTables = async (connection: Connection): Promise<SystemState['tables']> => {
  const rows = await connection.any<{ name: string; bytes: string; rows: number }>(sql.fragment`
    SELECT relname AS name, pg_total_relation_size(oid)::text AS bytes, reltuples::float8 AS rows
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    ORDER BY pg_total_relation_size(oid) DESC, relname LIMIT 12`)
  return rows.map(({ name, bytes, rows }) => ({ name, bytes: Number(bytes), rows: rows < 0 ? undefined : rows }))
}

/** From pg-boss's own tables, which keep what failed for an hour. It no longer counts once the same was queued anew. */
export const countJobs = async (connection: Connection): Promise<SystemState['jobs']> => {
  const { isThere } = await connection.one<{ isThere: boolean }>(
    sql.fragment`SELECT to_regclass('queue.job') IS NOT NULL AS "isThere"`,
  )
  if (!isThere) return undefined
  return connection.any<Jobs>(sql.fragment`
    SELECT queue.name AS queue,
      count(*) FILTER (WHERE job.state IN ('created', 'retry'))::int AS waiting,
      count(*) FILTER (WHERE job.state = 'retry')::int AS retrying,
      count(*) FILTER (WHERE job.state = 'active')::int AS active,
      count(*) FILTER (WHERE job.state = 'failed' AND job.is_last)::int AS failed
    FROM queue.queue
    LEFT JOIN (
      SELECT name, state, lead(id) OVER (PARTITION BY name, singleton_key ORDER BY created_on) IS NULL AS is_last
      FROM queue.job) AS job ON job.name = queue.name
    WHERE queue.name NOT LIKE '\\_\\_pgboss\\_\\_%' GROUP BY queue.name ORDER BY queue.name`)
}

export const countLetters = (connection: Connection): Promise<Letters> =>
  connection.one<Letters>(sql.fragment`
    SELECT count(*) FILTER (WHERE state = 'waiting')::int AS waiting, count(*) FILTER (WHERE state = 'failed')::int AS failed
    FROM (
      SELECT state FROM study_message WHERE state = 'waiting' OR ${failedMessage}
      UNION ALL
      SELECT letter FROM staff_invitation WHERE ended_at IS NULL AND expires_at > now() AND letter <> 'sent'
      UNION ALL
      SELECT state FROM letter WHERE ends_at > now()) AS letters`)

/** Those that were tried, and lately. Others had nothing more to say. */
const failedMessage = sql.fragment`(
  state = 'failed' AND tries > 0 AND reason IS DISTINCT FROM ${nothingMoreToSay} AND made_at > now() - interval '7 days')`

/**
 * All that failed wait to be sent again. Answers the ids of the invitations of staff, which have to be queued; messages to patients are found anyway.
 */
export const retryFailedLetters = (database: Database): Promise<readonly string[]> =>
  database.transaction(async inside => {
    await inside.run(sql.fragment`
      UPDATE study_message SET state = 'waiting', reason = NULL, ended_at = NULL WHERE ${failedMessage}`)
    const rows = await inside.any<{ id: string }>(sql.fragment`
      UPDATE staff_invitation SET letter = 'waiting', reason = NULL
      WHERE letter = 'failed' AND ended_at IS NULL AND expires_at > now() RETURNING id`)
    return rows.map(({ id }) => id)
  })
