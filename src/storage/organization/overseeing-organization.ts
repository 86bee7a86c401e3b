import type { Connection } from '../database.ts'
import { inForce } from '../model/reference.ts'
import { name, type SqlFragment, sql } from '../sql.ts'

type Deciding = {
  /** Id of the Person; absent if an app has taken up the Patient's invitation by itself. */
  readonly person?: string | undefined
  readonly client: string
  /** Id of the Patient whom it is about. */
  readonly patient?: string | undefined
  /** Whether staff decide for the patient that they are themselves, and so not as staff. */
  readonly isAsPatient?: boolean
}

/**
 * The organization whose privacy officers are told of what a person lets an app do. For staff, and for an app that nobody was asked about, it is the
 * organization that registered the patient, else the client's, else the one in which they have the highest role. For anybody else it is only the
 * client's: what they do with an app that no organization has approved is between them and that app.
 */
export const findOverseeingOrganization = async (
  connection: Connection,
  { person, client, patient, isAsPatient = false }: Deciding,
): Promise<string | undefined> => {
  const work = workOf(isAsPatient ? '' : person)
  const { organization } = await connection.one<{ readonly organization: string | null }>(sql.fragment`
    SELECT coalesce(
      (SELECT registered.owner
        FROM patient_compartment AS compartment
        JOIN patient AS registered ON registered.patient_id = compartment.patient_id AND registered.id = compartment.id
        WHERE compartment.id = ${patient ?? null} AND (${person === undefined} OR EXISTS (${work}))),
      (SELECT organization FROM client WHERE id = ${client}),
      (${work} ORDER BY membership.rank DESC, organization LIMIT 1)) AS organization`)
  return organization ?? undefined
}

const workOf = (person = ''): SqlFragment => sql.fragment`
  SELECT membership.organization FROM person_practitioner
  JOIN membership ON membership.practitioner = person_practitioner.practitioner
  WHERE person_practitioner.person = ${person}
    AND ${inForce(name('membership'))}`
