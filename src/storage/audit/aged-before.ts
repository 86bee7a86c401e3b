import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { fewestYears } from './age.ts'

/**
 * Of what was recorded before this moment, some or all has aged; undefined if nothing has. A full hour: when each seal was made would reveal how much
 * others do.
 */
export const findAgedBefore = async (connection: Connection): Promise<Date | undefined> =>
  (
    await connection.maybeOne<{ before: Date }>(sql.fragment`
    SELECT date_trunc('hour', least(
      (SELECT sealed FROM audit_seal ORDER BY seal LIMIT 1), made - make_interval(years => ${fewestYears}))) + interval '1 hour' AS before
    FROM audit_checkpoint ORDER BY seal DESC LIMIT 1`)
  )?.before
