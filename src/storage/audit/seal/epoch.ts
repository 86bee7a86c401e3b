import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'

/**
 * Begins a new epoch if the database is in another cluster than before: after restoring a dump, new transactions get numbers that old rows have as
 * well.
 */
export const beginEpoch = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`
    INSERT INTO audit_epoch (epoch, cluster)
    SELECT last.epoch + 1, system_identifier
    FROM pg_control_system(), (SELECT epoch, cluster FROM audit_epoch ORDER BY epoch DESC LIMIT 1) AS last
    WHERE last.cluster <> system_identifier
    ON CONFLICT DO NOTHING`)
}
