import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'

/** Somebody as an EHR or an identity provider knows them, as in `Person.identifier`. */
export type Identity = { readonly issuer: string; readonly subject: string }

/** Whether the Person has it, letter by letter. */
export const hasIdentity = async (
  connection: Connection,
  person: string,
  { issuer: system, subject: value }: Identity,
): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM resource_identity AS identity
    JOIN person AS stored ON stored.patient_id = identity.patient_id AND stored.pk = identity.pk
    WHERE identity.type_id = ${typeIdOf('Person')} AND identity.id = ${person}
      AND stored.content -> 'identifier' @> ${JSON.stringify([{ system, value }])}::jsonb`)) !== undefined
