import type { Database } from '../../src/storage/database.ts'
import { type SqlFragment, sql } from '../../src/storage/sql.ts'

type Rows = {
  /** What is done to them. */
  readonly change?: SqlFragment
  /** Which of them are meant: `NEW.outcome = 404`. */
  readonly meant?: SqlFragment
}

/** As if the database went away at the next row of the table. */
export const whileGoneAt = async <T>(
  database: Database,
  table: string,
  run: () => Promise<T>,
  { change = sql.fragment`INSERT`, meant = sql.fragment`TRUE` }: Rows = {},
): Promise<T> => {
  const at = sql.identifier([table])
  await database.run(sql.fragment`
    CREATE OR REPLACE FUNCTION go_away() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'gone' USING ERRCODE = '57P01'; END $$`)
  await database.run(sql.fragment`
    CREATE TRIGGER go_away BEFORE ${change} ON ${at} FOR EACH ROW WHEN (${meant}) EXECUTE FUNCTION go_away()`)
  try {
    return await run()
  } finally {
    await database.run(sql.fragment`DROP TRIGGER go_away ON ${at}`)
  }
}
