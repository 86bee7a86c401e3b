import type { ConsentGrantee } from '../../access/consent.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/**
 * A study's people give to all who read for it, or, by a text that says who receives, to its organization and to each recipient from
 * elsewhere, by the ids of study and Practitioner.
 */
type Numbered = {
  readonly kind: ConsentGrantee['kind'] | 'study-organization' | 'study-recipient'
  readonly id: string
}

/** The number under which consents name their grantee; made where there is none. */
export const granteeNumber = async (connection: Connection, { kind, id }: Numbered): Promise<number> => {
  await connection.run(sql.fragment`
    INSERT INTO grantee (kind, id) SELECT ${kind}, ${id}
    WHERE NOT EXISTS (SELECT FROM grantee WHERE grantee.kind = ${kind} AND grantee.id = ${id})
    ON CONFLICT DO NOTHING`)
  const { grantee } = await connection.one<{ grantee: number }>(
    sql.fragment`SELECT grantee FROM grantee WHERE kind = ${kind} AND id = ${id}`,
  )
  return grantee
}
