import pg from 'pg'
import { FhirError } from '../../fhir/error.ts'
import { countMigrations } from './migrate.ts'

/** How a statement fails that names something which no longer exists, or leaves out something that exists by now. */
const otherThanKnown: ReadonlySet<string | undefined> = new Set([
  ...['42703', '42P01', '42883', '42704', '42804', '42P10'],
  ...['23502', '23514'],
  // A kept plan no longer has the same result.
  '0A000',
])

/**
 * Explains the fault of a statement if a newer version has migrated the database since this server opened it: the server no longer knows the
 * database. This is checked on a connection of its own, since all others may be within transactions.
 */
export const openNewerDatabase = (url: string): ((fault: unknown) => Promise<unknown>) => {
  // Counted now, since later the files may be those of the newer version.
  const known = countMigrations().catch(() => Number.POSITIVE_INFINITY)
  let isNewer = false
  return async fault => {
    if (!(fault instanceof pg.DatabaseError && otherThanKnown.has(fault.code))) return fault
    isNewer ||= await readApplied(url).then(
      async applied => applied > (await known),
      () => false,
    )
    return isNewer ? new FhirError('transient', migrated, { cause: fault }) : fault
  }
}

const migrated = 'The database was migrated by a newer version; this server has to be restarted'

const readApplied = async (url: string): Promise<number> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000, statement_timeout: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ applied: number }>('SELECT count(*)::int AS applied FROM migration')
    return rows[0]?.applied ?? 0
  } finally {
    await client.end()
  }
}
