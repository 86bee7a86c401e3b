import type { ResearchSubject } from '@medplum/fhirtypes'
import { withoutMadeNarrative } from '../../fhir/patch/stale-narrative.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { shared } from '../lock-keys.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { saysSomething } from '../study/deleted-answer.ts'
import { isDiscardedPaper } from '../study/paper-consent.ts'
import { takeTurn } from './consent/turn.ts'
import { ended } from './enrolled.ts'
import { isMisnoted } from './noted-subject.ts'
import type { ProjectionContext } from './projection.ts'
import { compartmentOf, referencedId } from './reference.ts'

/** The place in a study as it is stored: what the patient has answered is said by their Consents, whatever its writer has sent. */
export const asAnswered = async (
  connection: Connection,
  subject: ResearchSubject,
  context: Pick<ProjectionContext, 'isAccepted' | 'newPatients' | 'turns'>,
): Promise<ResearchSubject> => {
  const [study, patient] = [namedId(subject.study, 'ResearchStudy'), namedId(subject.individual, 'Patient')]
  if (study === undefined || patient === undefined) return unanswered(subject)
  const { patientId } = await connection.one<{ patientId: number }>(
    sql.fragment`SELECT ${compartmentOf(patient)} AS "patientId"`,
  )
  // Consents that are being written meanwhile are waited for. Of a Patient whom nobody knows yet there are none.
  if (patientId > 0) await takeTurn(connection, patientId, context)
  const answer = await findAnswer(connection, { patientId, study })
  return answer === undefined ? unanswered(subject) : withAnswer(subject, answer)
}

/** In a study that is not on this server nobody answers here. What a client says that somebody has signed, nobody could check. */
const unanswered = ({ consent: _, ...subject }: ResearchSubject): ResearchSubject => subject

/** Whose places in which study. */
export type Placed = { readonly patientId: number; readonly study: string }

export type Answer = {
  /** Who reads the study. */
  readonly access: string
  /** Id of the Consent to it that is in force; if there is none, of the one that waits for an answer, or else of the latest. */
  readonly consent: string | null
  readonly status: string | null
}

export const noAnswer: Answer = { access: 'organization', consent: null, status: null }

/** Undefined if it is no study of this server. It is locked, so that who reads it stays the same. */
export const findAnswer = (connection: Connection, { patientId, study }: Placed): Promise<Answer | undefined> =>
  connection.take('study', shared([study]), () =>
    connection.maybeOne<Answer>(sql.fragment`
      SELECT study.access, answer.id AS consent, answer.status
      FROM study LEFT JOIN LATERAL (${answerOf(sql.fragment`${patientId}`)}) AS answer ON TRUE
      WHERE study.id = ${study}
      FOR SHARE OF study`),
  )

/** A query of the Consent that counts of the patient's to the row of `study`, by the same rule as the states of `statesOf`. */
const answerOf = (patientId: SqlFragment): SqlFragment => sql.fragment`
  SELECT row.id, row.content ->> 'status' AS status
  FROM consent_grantee AS given
  JOIN consent AS row ON row.patient_id = given.patient_id AND row.pk = given.pk
  WHERE given.patient_id = ${patientId} AND given.grantee = study.grantee
    AND ${saysSomething(sql.fragment`row.content ->> 'status'`)} AND NOT ${isDiscardedPaper(sql.fragment`row`)}
  ORDER BY array_position(ARRAY['active', 'proposed'], row.content ->> 'status'), row.last_updated DESC, row.pk DESC
  LIMIT 1`

/** Of places that say something else than the Consents, or than the Patient, those that come first after the key. */
export const findUnanswered = (
  connection: Connection,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly { readonly id: string; readonly pk: string }[]> => {
  const status = sql.fragment`place.content ->> 'status'`
  return connection.any(sql.fragment`
    SELECT place.id, place.pk
    FROM research_subject AS place
    LEFT JOIN study ON study.id = ${referencedId(sql.fragment`place`, 'study', 'ResearchStudy')}
    LEFT JOIN LATERAL (${answerOf(sql.fragment`place.patient_id`)}) AS answer ON study.access <> 'staff'
    LEFT JOIN patient ON patient.patient_id = place.patient_id
      AND patient.id = ${referencedId(sql.fragment`place`, 'individual', 'Patient')}
    WHERE place.pk > ${after}::bigint AND (
      ${isMisnoted(sql.fragment`place`)} OR
      place.content #>> '{consent,reference}' IS DISTINCT FROM 'Consent/' || answer.id
      OR study.access <> 'staff' AND NOT ${status} = ANY(${sql.array([...ended], 'text')})
        AND (${status} = ANY(${sql.array([...takesPart], 'text')})) IS DISTINCT FROM coalesce(answer.status = 'active', FALSE))
    ORDER BY place.pk LIMIT ${limit}`)
}

/** A status that ends the place stays as it is. Whoever registers people for a study that only its staff read must not learn what these have answered. */
export const withAnswer = (subject: ResearchSubject, answer: Answer): ResearchSubject => {
  const others = unanswered(subject)
  if (answer.access === 'staff') return others
  const consent: Pick<ResearchSubject, 'consent'> =
    answer.consent === null ? {} : { consent: { reference: `Consent/${answer.consent}` } }
  const status = statusBy(answer, subject.status)
  const answered = { ...others, ...consent, status }
  return status === subject.status ? answered : withoutMadeNarrative(subject, answered)
}

type Status = ResearchSubject['status']

/** In which part of the study somebody is, or how far they have come before it, is said by staff. */
const statusBy = ({ status: answered }: Answer, status: Status): Status => {
  if (status === undefined || ended.has(status)) return status
  if (answered === 'active') return takesPart.has(status) ? status : 'on-study'
  return takesPart.has(status) ? 'candidate' : status
}

/** https://hl7.org/fhir/R4/valueset-research-subject-status.html */
const takesPart: ReadonlySet<string> = new Set([
  'on-study',
  'on-study-intervention',
  'on-study-observation',
  'follow-up',
] satisfies Status[])
