import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** A private key that only SECRET_KEY can open. */
export type SealedEhrKey = { readonly alg: string; readonly sealed: string }

export const listEhrKeys = (connection: Connection): Promise<readonly SealedEhrKey[]> =>
  connection.any<SealedEhrKey>(sql.fragment`SELECT alg, sealed FROM ehr_key ORDER BY alg`)

/** If two servers start at the same time, one of them makes it. */
export const addEhrKey = async (connection: Connection, { alg, sealed }: SealedEhrKey): Promise<void> => {
  await connection.run(sql.fragment`
    INSERT INTO ehr_key (alg, sealed) VALUES (${alg}, ${sealed}) ON CONFLICT (alg) DO NOTHING`)
}

/** Replaces those of the same algorithms, within a transaction. */
export const replaceEhrKeys = async (connection: Connection, keys: readonly SealedEhrKey[]): Promise<void> => {
  for (const { alg, sealed } of keys)
    await connection.run(sql.fragment`
      INSERT INTO ehr_key (alg, sealed) VALUES (${alg}, ${sealed})
      ON CONFLICT (alg) DO UPDATE SET sealed = excluded.sealed, made_at = now()`)
}
