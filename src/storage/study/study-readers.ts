import { extensions } from '../../fhir/canonical.ts'
import type { Connection } from '../database.ts'
import { compartmentOf, inForce } from '../model/reference.ts'
import { name, sql } from '../sql.ts'

type Asked = { readonly patient: string; readonly consent: string; readonly practitioners: readonly string[] }

/** Those of the Practitioners whom something that the patient gives by the Consent reaches now, by the rows that every read uses. */
export const practitionersReached = async (
  connection: Connection,
  { patient, consent, practitioners }: Asked,
): Promise<ReadonlySet<string>> => {
  const rows = await connection.any<{ practitioner: string }>(sql.fragment`
    SELECT DISTINCT reach.practitioner
    FROM study_group_observation_consents AS given
    JOIN practitioner_grantee AS reach ON reach.grantee = given.grantee
    WHERE given.patient_id = ${compartmentOf(patient)} AND given.consent_id = ${consent} AND given.consented
      AND now() >= given.valid_from AND now() < given.valid_to AND given.stored_before = 'infinity'
      AND reach.practitioner = ANY (${sql.array([...practitioners], 'text')}) AND ${inForce(name('reach'))}`)
  return new Set(rows.map(({ practitioner }) => practitioner))
}

/** When the study came to this server, and since which of its versions each Practitioner has been named as its staff without a break. */
export type StaffHistory = { readonly begins: Date | undefined; readonly namedSince: ReadonlyMap<string, Date> }

export const findStaffHistory = async (connection: Connection, study: string): Promise<StaffHistory> => {
  const versions = await connection.any<{ at: Date; staff: readonly string[] }>(sql.fragment`
    WITH study AS (SELECT pk, version, last_updated, content FROM research_study WHERE patient_id = 0 AND id = ${study})
    SELECT last_updated AS at, ARRAY(
      SELECT split_part(jsonb_path_query(content, ${staffPath}::jsonpath) #>> '{}', '/', 2)) AS staff
    FROM (
      SELECT version, last_updated, content FROM study
      UNION ALL
      SELECT version, last_updated, content FROM research_study_history
      WHERE patient_id = 0 AND pk IN (SELECT pk FROM study)) AS held
    ORDER BY version DESC`)
  const since = new Map<string, Date>()
  let named = new Set(versions[0]?.staff)
  for (const { at, staff } of versions) {
    named = named.intersection(new Set(staff))
    for (const one of named) since.set(one, at)
  }
  return { begins: versions.at(-1)?.at, namedSince: since }
}

const staffPath = `$.extension[*] ? (@.url == "${extensions.staff}").extension[*] ? (@.url == "practitioner").valueReference.reference`
