import type { Consent, Patient, ResearchSubject } from '@medplum/fhirtypes'
import { granteeOf } from '../../access/consent.ts'
import { intervalOfPeriod } from '../../fhir/date.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { ended } from '../model/enrolled.ts'
import { addressesOf } from '../model/patient-address.ts'
import { historyOf } from '../row.ts'
import { sql } from '../sql.ts'
import type { Stored, Written } from '../store.ts'
import { addMessage, type DoneForPatient } from '../study/study-message.ts'
import type { Writing } from './write.ts'

/**
 * Writes, and tells the patient if that gave or ended in their name what they share, or ended their place in a study while they share, and somebody
 * else did it. What is carried over from elsewhere, by a client that chooses ids, was done there.
 */
export const tellingPatient = async (
  connection: Connection,
  writing: Writing,
  change: () => Promise<Written>,
): Promise<Written> => {
  const written = await change()
  if (written.outcome !== 'updated' || writing.choosesIds) return written
  const done = await doneBy(connection, written)
  if (done !== undefined && !(await isOwn(connection, writing, written))) await tell(connection, done)
  return written
}

type Done = { readonly kind: DoneForPatient; readonly patient: string; readonly study: string }

const doneBy = async (connection: Connection, written: Stored): Promise<Done | undefined> => {
  if (written.type !== 'Consent' && written.type !== 'ResearchSubject') return undefined
  const before = await findBefore(connection, written)
  const after: unknown = JSON.parse(written.content)
  return written.type === 'Consent'
    ? doneToConsent(before as Consent | undefined, after as Consent)
    : doneToPlace(connection, written, before as ResearchSubject | undefined, after as ResearchSubject)
}

/** The version that was replaced, whatever anybody else has written meanwhile. */
const findBefore = async (connection: Connection, { type, patientId, pk = '', versionId }: Stored): Promise<unknown> =>
  (
    await connection.maybeOne<{ content: unknown }>(sql.fragment`
      SELECT content FROM ${historyOf(type)}
      WHERE patient_id = ${patientId} AND pk = ${pk} AND version = ${Number(versionId) - 1}`)
  )?.content

const doneToConsent = (before: Consent | undefined, after: Consent): Done | undefined => {
  const [wasActive, isActive] = [before?.status === 'active', after.status === 'active']
  const [grantee, patient] = [granteeOf(after), namedId(after.patient, 'Patient')]
  if (wasActive === isActive || grantee?.kind !== 'study' || patient === undefined) return undefined
  return { kind: isActive ? 'given-for' : 'ended-for', patient, study: grantee.id }
}

const doneToPlace = async (
  connection: Connection,
  { patientId }: Stored,
  before: ResearchSubject | undefined,
  after: ResearchSubject,
): Promise<Done | undefined> => {
  const [study, patient] = [namedId(after.study, 'ResearchStudy'), namedId(after.individual, 'Patient')]
  if (before === undefined || isOver(before) || !isOver(after) || study === undefined || patient === undefined)
    return undefined
  const sharing = await connection.maybeOne(sql.fragment`
    SELECT FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    WHERE given.patient_id = ${patientId} AND given.grantee = (SELECT grantee FROM study WHERE id = ${study})
      AND consent.content ->> 'status' = 'active'
    LIMIT 1`)
  return sharing === undefined ? undefined : { kind: 'place-ended', patient, study }
}

const isOver = ({ status = '' as ResearchSubject['status'], period = {} }: ResearchSubject): boolean =>
  ended.has(status) || intervalOfPeriod(period).high <= new Date().toISOString()

const isOwn = async (
  connection: Connection,
  { principal: { kind, id } }: Writing,
  { patientId }: Stored,
): Promise<boolean> => {
  if (kind !== 'person') return kind === 'patient'
  const linked = await connection.maybeOne(sql.fragment`
    SELECT FROM person_patient AS linked
    JOIN patient_compartment AS compartment ON compartment.id = linked.patient
    WHERE linked.person = ${id} AND compartment.patient_id = ${patientId} LIMIT 1`)
  return linked !== undefined
}

/**
 * At the address at which they would be invited; a record without one tells nobody. The record is not locked: whoever changes it locks the places after
 * it, which are locked here already.
 */
const tell = async (connection: Connection, { patient, ...done }: Done): Promise<void> => {
  const record = await connection.maybeOne<{ content: Patient }>(sql.fragment`
    SELECT record.content FROM patient_compartment AS compartment
    JOIN patient AS record ON record.patient_id = compartment.patient_id AND record.id = compartment.id
    WHERE compartment.id = ${patient}`)
  const [address] = record === undefined ? [] : addressesOf(record.content)
  if (address !== undefined) await addMessage(connection, { ...done, patient, ...address })
}
