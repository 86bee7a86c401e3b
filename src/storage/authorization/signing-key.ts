import type { Connection, Database } from '../database.ts'
import { sql } from '../sql.ts'

/** A private key that only SECRET_KEY can open. */
export type SealedKey = { readonly kid: string; readonly sealed: string; readonly madeAt: Date }

/** Newest first. */
export const listSigningKeys = async (connection: Connection): Promise<readonly SealedKey[]> =>
  connection.any<SealedKey>(
    sql.fragment`SELECT kid, sealed, made_at AS "madeAt" FROM signing_key ORDER BY made_at DESC, kid`,
  )

type NewKey = Omit<SealedKey, 'madeAt'>

/** Only if there is none yet: if two servers start at the same time, one of them makes it. */
export const addFirstSigningKey = (database: Database, { kid, sealed }: NewKey): Promise<void> =>
  database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE`)
    await connection.run(sql.fragment`
      INSERT INTO signing_key (kid, sealed) SELECT ${kid}, ${sealed} WHERE NOT EXISTS (SELECT FROM signing_key)`)
  })

/** It is the newest, even if another was made while the clock was ahead. */
export const addSigningKey = async (connection: Connection, { kid, sealed }: NewKey): Promise<void> => {
  await connection.run(sql.fragment`
    INSERT INTO signing_key (kid, sealed, made_at)
    SELECT ${kid}, ${sealed}, greatest(now(), max(made_at) + interval '1 millisecond') FROM signing_key`)
}

/** Deletes all but the newest: what they have signed can no longer be verified. Answers how many. */
export const removeOldSigningKeys = (connection: Connection): Promise<number> =>
  connection.run(sql.fragment`
    DELETE FROM signing_key WHERE made_at < (SELECT max(made_at) FROM signing_key)`)
