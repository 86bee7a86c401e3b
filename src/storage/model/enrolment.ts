import type { ResearchSubject } from '@medplum/fhirtypes'
import { intervalOfPeriod } from '../../fhir/date.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { renewPermits, takeTurn } from './consent.ts'
import { each, namedId, type Projected } from './projection.ts'

/** Who is in which study. A consent given to a study holds for as long as its patient is in it. */
export const projectEnrolments = each<ResearchSubject>(async (connection, change, context) => {
  const { patientId, id, resource } = change
  await takeTurn(connection, patientId)
  const before = await connection.any<{ study_id: string }>(sql.fragment`
    DELETE FROM enrolment WHERE patient_id = ${patientId} AND id = ${id} RETURNING study_id`)
  const study = resource && namedId(resource.study, 'ResearchStudy')
  if (study !== undefined) await enrol(connection, change, study)
  const studies = new Set([...before.map(row => row.study_id), ...(study === undefined ? [] : [study])])
  for (const one of studies) await renewPermits(connection, patientId, { kind: 'study', id: one }, context)
})

const enrol = async (
  connection: Connection,
  { patientId, id, resource }: Projected<ResearchSubject>,
  study: string,
): Promise<void> => {
  const patient = namedId(resource?.individual, 'Patient')
  if (resource === undefined || patient === undefined || patientId === 0) return
  const { low, high } = intervalOfPeriod(resource.period ?? {})
  await connection.run(sql.fragment`
    INSERT INTO enrolment (patient_id, id, study_id, patient, in_force, period_start, period_end)
    VALUES (${patientId}, ${id}, ${study}, ${patient}, ${!ended.has(resource.status ?? '')}, ${low}, ${high})`)
}

/** Who is only invited is in force as well: it is the patient's consent that opens anything. */
export const ended: ReadonlySet<string> = new Set(['ineligible', 'not-registered', 'off-study', 'withdrawn'])
