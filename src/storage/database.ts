import pRetry from 'p-retry'
import pg from 'pg'
import { FhirError } from '../fhir/error.ts'
import type { Connection } from './connection.ts'
import { type Locking, openLocking } from './locking.ts'
import { besideJoinings } from './other-joining.ts'
import type { DiskRoom } from './postgres/disk-room.ts'
import { openNewerDatabase } from './postgres/newer-database.ts'
import { countingWaits, type Pool, type PoolUse } from './postgres/pool.ts'
import { isFull, notePrepared, type Statement, toStatement } from './postgres/prepared-statement.ts'
import { rowTypes } from './postgres/row-types.ts'
import { withSettings } from './postgres/session-settings.ts'
import { endedBySilence, letInWithin } from './postgres/silence.ts'
import { type Fail, failure, isAborted, isConflict, isDeadlock, isGivenUp, isLost } from './postgres/sql-state.ts'
import { aFewTimes, retried } from './retried.ts'
import { isPlannedAnew, type SqlFragment } from './sql.ts'

export type { Connection }

export type Database = Connection & {
  /** READ COMMITTED. Retried as a whole when PostgreSQL reports a deadlock or a serialization failure; not after waiting for a lock as long as it may. */
  readonly transaction: <T>(run: (connection: Connection) => Promise<T>) => Promise<T>
  /** The same for writing: no compartments are joined meanwhile, and `run` gets the number of the last joining. After one that it has met, it is run anew. */
  readonly writing: <T>(run: (connection: Connection, joinings: number) => Promise<T>) => Promise<T>
  /** `kept`: of the connections for statements that are not planned again. */
  readonly use: () => { readonly planned: PoolUse; readonly kept: PoolUse }
  readonly close: () => Promise<void>
}

type Options = {
  readonly poolSize?: number
  readonly statementTimeoutMs?: number
  /** How long a new connection may take. */
  readonly connectTimeoutMs?: number
  /** It is told of failures for lack of room. */
  readonly room?: Pick<DiskRoom, 'noting'>
}

export const openDatabase = (
  url: string,
  { poolSize = 10, statementTimeoutMs = 30_000, connectTimeoutMs = 10_000, room }: Options = {},
): Database => {
  // So a statement that only waits for others is told apart from one that takes too long itself.
  const lockTimeoutMs = Math.ceil((statementTimeoutMs * 2) / 3)
  const settings = { jit: 'off', timezone: 'UTC', lock_timeout: `${lockTimeoutMs}` }
  const open = (more = {}) => {
    const pool = new pg.Pool({
      connectionString: withSettings(url, { ...settings, ...more }),
      Client: letInWithin(connectTimeoutMs),
      max: poolSize,
      statement_timeout: statementTimeoutMs,
      // A statement that is sent after another one waits for the end of both.
      ...endedBySilence(2 * statementTimeoutMs),
      types: rowTypes,
      // A statement is sent at once, even before the previous one is answered.
      pipeline: true,
    })
    // An idle connection that breaks is replaced at the next use. Without this listener it would end the process.
    pool.on('error', () => {})
    return countingWaits(pool)
  }
  const told = failure(openNewerDatabase(url))
  const fail = room === undefined ? told : room.noting(told)
  const pool = open()
  const keeping = open({ plan_cache_mode: 'force_generic_plan' })
  const connection = connectionOver(queryOnce(pool, fail), queryOnce(keeping, fail))
  return {
    ...connection,
    transaction: run => {
      const locking = openLocking()
      return retried(() => inTransaction(pool, fail, { begin: 'BEGIN', locking }, run))
    },
    writing: run => {
      const locking = openLocking()
      return besideJoinings(connection, () =>
        retried(error => {
          const begin = isDeadlock(error) ? beginAlone : beginWriting
          return inTransaction(pool, fail, { begin, locking }, (connection, last) => run(connection, last ?? 0))
        }),
      )
    },
    use: () => ({ planned: pool.use(), kept: keeping.use() }),
    close: async () => {
      await Promise.all([pool.end(), keeping.end()])
    },
  }
}

type Query = (fragment: SqlFragment) => Promise<pg.QueryResult>

/** `keeping` uses connections that keep their plans; a transaction has only one connection. */
const connectionOver = (query: Query, keeping = query): Connection => {
  const any = async <Row>(fragment: SqlFragment) => (await query(fragment)).rows as Row[]
  return {
    any,
    kept: async <Row>(fragment: SqlFragment) =>
      (await (isPlannedAnew(fragment) ? query : keeping)(fragment)).rows as Row[],
    one: async <Row>(fragment: SqlFragment) => {
      const rows = await any<Row>(fragment)
      const [row] = rows
      if (row === undefined || rows.length > 1) throw new Error(`expected one row, got ${rows.length}`)
      return row
    },
    maybeOne: async <Row>(fragment: SqlFragment) => (await any<Row>(fragment))[0],
    run: async fragment => (await query(fragment)).rowCount ?? 0,
    later: async fragment => {
      await query(fragment)
    },
    take: (_kind, _keys, run) => run(),
  }
}

/** On any connection of the pool. One on which a statement failed is not used again. If it was given up, it has done nothing, and is retried. */
const queryOnce =
  (pool: Pool, fail: Fail): Query =>
  fragment => {
    const once = async () => {
      const { client, release } = await takeClient(pool, fail)
      try {
        const result = await queryOn(client, fail)(fragment)
        release()
        return result
      } catch (error) {
        release(error instanceof Error ? error : true)
        throw error
      }
    }
    return pRetry(once, { ...aFewTimes, shouldRetry: ({ error }) => isGivenUp(error) })
  }

const queryOn =
  (client: pg.PoolClient, fail: Fail): Query =>
  async fragment => {
    const statement = toStatement(fragment)
    notePrepared(client, statement)
    return resultOf(client, statement).catch(fail)
  }

/**
 * Uses pg's callback: results that come through its promise outlive two collections each time, which leads to collections of the whole heap. Uses
 * pg's own Query: pg first copies anything else, property by property, which takes longer than everything else about making it.
 */
const resultOf = (client: pg.PoolClient, { name, text, values }: Statement): Promise<pg.QueryResult> =>
  new Promise((resolve, reject) => {
    const callback: Callback = (error, result) => (error ? reject(error) : resolve(result))
    client.query(Object.assign(new pg.Query(text, values), { name, callback }))
  })

type Callback = (error: Error | null, result: pg.QueryResult) => void

const takeClient = async ({ connect }: Pool, fail: Fail) => {
  const client = await connect(fail)
  // If a connection breaks between two statements, the next one fails. Without this listener it would end the process.
  client.on('error', noted)
  const release = (broken?: Error | true) => {
    client.off('error', noted)
    client.release(broken ?? isFull(client))
  }
  return { client, release }
}

const noted = (): void => {}

/** In one round trip. Each statement sees what was committed before it began: the last one sees what was committed before the lock was taken. */
const beginWriting = `BEGIN;
  SELECT pg_advisory_xact_lock_shared(hashtext('patient_compartment'));
  SELECT coalesce(max(joining), 0) AS joinings FROM compartment_joining`

/** Of those that lost to a deadlock, one at a time is retried, so that they do not meet again. */
const beginAlone = beginWriting.replace(';', "; SELECT pg_advisory_xact_lock(hashtext('deadlock'));")

const inTransaction = async <T>(
  pool: Pool,
  fail: Fail,
  { begin, locking }: { readonly begin: string; readonly locking: Locking },
  run: (connection: Connection, joinings: number | undefined) => Promise<T>,
): Promise<T> => {
  const { client, release } = await takeClient(pool, fail)
  let broken: unknown
  const goneOn = (fault: unknown) => wentOn(fault, () => fail(broken))
  const query = queryOn(client, error => {
    if (isAborted(error)) return goneOn(error)
    broken = error
    return fail(error)
  })
  const sent: Promise<unknown>[] = []
  const later: Connection['later'] = async fragment => {
    const done = query(fragment)
    // Nobody waits for it until the end.
    done.catch(noted)
    sent.push(done)
  }
  let isCommitting = false
  try {
    const begun = [await client.query(begin).catch(fail)].flat().at(-1)
    const connection = { ...connectionOver(query), later }
    const take = await locking.begin(connection)
    const result = await run({ ...connection, take }, begun?.rows[0]?.joinings)
    locking.end()
    isCommitting = true
    await Promise.all([...sent, commit(client, fail, goneOn)])
    release()
    return result
  } catch (error) {
    await client.query('ROLLBACK').then(
      () => release(),
      broken => release(broken),
    )
    const failure = (await firstFailure(sent)) ?? error
    throw isCommitting && failure instanceof FhirError && isLost(failure.cause) ? inDoubt(failure) : failure
  }
}

/** If it were retried, it might be done twice. */
const inDoubt = (cause: FhirError): FhirError =>
  new FhirError(
    'exception',
    'The connection to the database was lost while this was committed, so it is not known whether it was done: look before it is sent again',
    { cause },
  )

export const isInDoubt = (error: unknown): boolean =>
  error instanceof FhirError && error.issues[0].code === 'exception' && error.cause instanceof FhirError

/** All later ones fail because of it. */
const firstFailure = async (sent: readonly Promise<unknown>[]): Promise<unknown> => {
  const ends = await Promise.allSettled(sent)
  return ends.find(one => one.status === 'rejected')?.reason
}

/** PostgreSQL answers a commit after a failed statement with ROLLBACK, and no error: nothing was written. */
const commit = async (client: pg.PoolClient, fail: Fail, goneOn: Fail): Promise<void> => {
  const { command } = await client.query('COMMIT').catch(fail)
  if (command !== 'COMMIT') await goneOn(new Error('a statement failed unnoticed, and nothing was committed'))
}

/** For code that went on after a failed statement: its own fault, unless the failure was a conflict, for which everything is retried. */
const wentOn = async (fault: unknown, failed: () => Promise<never>): Promise<never> => {
  const met: unknown = await failed().catch(error => error)
  throw isConflict(met) ? met : fault
}
