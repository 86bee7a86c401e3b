import type { ConsentGrantee } from '../../../access/consent.ts'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { shared } from '../../lock-keys.ts'
import { sql } from '../../sql.ts'

export type HeldStudy = { readonly id: string; readonly organization: string }

/** The study to which a Consent is given. It stays as it is until the end of the transaction. Throws FhirError if it is none of this server. */
export const holdStudy = async (
  connection: Connection,
  { kind, id }: ConsentGrantee,
  expression: string,
): Promise<HeldStudy | undefined> => {
  if (kind !== 'study') return undefined
  const study = await connection.take('study', shared([id]), () =>
    connection.maybeOne<HeldStudy>(sql.fragment`SELECT id, organization FROM study WHERE id = ${id} FOR SHARE`),
  )
  if (study === undefined)
    throw new FhirError('business-rule', `ResearchStudy/${id} is not a study of this server`, { expression })
  return study
}
