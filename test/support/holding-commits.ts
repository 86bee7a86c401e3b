import type { Connection, Database } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'

/** Meanwhile whoever has written a Patient waits at their commit. What is to go on afterwards is answered within something, so that it is not awaited. */
export const holdingCommits = async <T extends object>(
  database: Database,
  run: (connection: Connection) => Promise<T>,
): Promise<T> => {
  await database.run(sql.fragment`
    CREATE OR REPLACE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock_shared(hashtext('at commit'));
      RETURN NULL;
    END $$`)
  await database.run(sql.fragment`DROP TRIGGER IF EXISTS wait_at_commit ON patient`)
  await database.run(sql.fragment`
    CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON patient
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`)
  return database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('at commit'))`)
    return run(connection)
  })
}
