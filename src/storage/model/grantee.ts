import type { ConsentGrantee } from '../../access/consent.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/**
 * Who consents to a study gives to all who read for it (`study`); or, if the signed text says who receives, to its organization
 * (`study-organization`) and to each recipient from elsewhere (`study-recipient`, with the ids of study and Practitioner).
 */
type Numbered = {
  readonly kind: ConsentGrantee['kind'] | 'study-organization' | 'study-recipient'
  readonly id: string
}

/** The number by which the rows of consents name their grantee; made if there is none yet. */
export const granteeNumber = async (connection: Connection, { kind, id }: Numbered): Promise<number> => {
  const number = sql.fragment`SELECT grantee FROM grantee WHERE kind = ${kind} AND id = ${id}`
  const found = await connection.maybeOne<{ grantee: number }>(number)
  if (found !== undefined) return found.grantee
  await connection.run(sql.fragment`INSERT INTO grantee (kind, id) VALUES (${kind}, ${id}) ON CONFLICT DO NOTHING`)
  const { grantee } = await connection.one<{ grantee: number }>(number)
  return grantee
}
