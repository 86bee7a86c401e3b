import type { Provenance } from '@medplum/fhirtypes'
import { systems } from '../../fhir/canonical.ts'
import type { Principal } from '../../search/expression.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Who writes, as a Provenance names them; staff by their Practitioner. FHIR does not let a Person be an agent. */
export const findSelf = async (
  connection: Connection,
  { kind, id }: Principal,
): Promise<Provenance['agent'][number]['who']> => {
  if (kind === 'client') return { identifier: { value: id }, display: 'An app or service, by itself' }
  if (kind === 'patient') return { reference: `Patient/${id}` }
  const staff = await connection.maybeOne<{ practitioner: string }>(
    sql.fragment`SELECT practitioner FROM person_practitioner WHERE person = ${id}`,
  )
  return staff === undefined
    ? { identifier: { system: systems.account, value: id } }
    : { reference: `Practitioner/${staff.practitioner}` }
}
