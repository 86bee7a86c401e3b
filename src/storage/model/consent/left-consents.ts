import type { CodeableConcept, Consent } from '@medplum/fhirtypes'
import { consentEnd, inactivationReason } from '../../../access/vocabulary.ts'
import { extensionOf } from '../../../fhir/extension.ts'
import type { Connection } from '../../database.ts'
import { anyOf, type SqlFragment, sql } from '../../sql.ts'
import { hasLeft } from './has-left.ts'
import { isGivenUnproven } from './unproven-consents.ts'

/**
 * Why a Consent ends when records of its patient are joined: they had left the study; nobody has confirmed that the app that gave it is theirs;
 * or they have said no since, by another of the records.
 */
export type EndedByJoining = 'left' | 'unproven' | 'refused'

/** Of the Consents that stand, or of which something is kept: those that end when the patients become one, whatever was said by the other records. */
export const findEndingByJoining = (
  connection: Connection,
  patientIds: readonly number[],
): Promise<readonly { readonly id: string; readonly why: EndedByJoining }[]> =>
  connection.any(sql.fragment`
    SELECT id, CASE WHEN is_left THEN 'left' ELSE 'unproven' END AS why
    FROM (
      SELECT given.consent_id AS id, ${isLeft(sql.fragment`given`)} OR ${isHidden()} AS is_left,
        ${isGivenUnproven(sql.fragment`consent`)} AS is_unproven
      FROM consent_grantee AS given
      JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
      WHERE given.patient_id = ANY(${sql.array([...patientIds], 'int4')})
        AND (given.standing OR given.withdrawal = 'keep' AND consent.content ->> 'status' = 'inactive')) AS ending
    WHERE is_left OR is_unproven
    ORDER BY id`)

/** A row of `consent_grantee` is about a study that its patient has left. */
export const isLeft = (given: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM study
  WHERE study.grantee = ${given}.grantee AND ${hasLeft(sql.fragment`${given}.patient_id`, sql.fragment`study.id`)})`

/** The Consent of the row `given` has ended, and the study keeps nothing by it: they had left the study, even if they have a place in it again. */
const isHidden = (): SqlFragment => sql.fragment`(
  consent.content ->> 'status' = 'inactive' AND NOT ${saysEndedByJoining(sql.fragment`consent.content`)} AND NOT EXISTS (
    SELECT FROM study_group_observation_consents AS kept
    WHERE kept.patient_id = given.patient_id AND kept.consent_id = given.consent_id))`

/** The Consent as ended, with the reason. What somebody had said earlier about why it ended can still be read. */
export const endedByJoining = (consent: Consent, why: EndedByJoining): Consent => {
  const { extension = [] } = consent
  const before = extensionOf(consent, inactivationReason)?.valueCodeableConcept
  const reason: CodeableConcept = { ...before, coding: [codings[why]], text: before?.text ?? joiningReasons[why] }
  return {
    ...consent,
    status: 'inactive',
    extension: [
      ...extension.filter(({ url }) => url !== inactivationReason),
      { url: inactivationReason, valueCodeableConcept: reason },
    ],
  }
}

/** Undefined if no joining has ended it. */
export const whyEndedByJoining = ({ extension = [] }: Consent): EndedByJoining | undefined => {
  const said = extension
    .filter(({ url }) => url === inactivationReason)
    .flatMap(({ valueCodeableConcept }) => valueCodeableConcept?.coding ?? [])
  return whys.find(why => said.some(({ system, code }) => system === consentEnd && code === codings[why].code))
}

/** A version of a Consent says that a joining has ended it. */
export const saysEndedByJoining = (content: SqlFragment): SqlFragment => {
  const said = whys.map(why => {
    const { system, code } = codings[why]
    const reason = [{ url: inactivationReason, valueCodeableConcept: { coding: [{ system, code }] } }]
    return sql.fragment`${content} -> 'extension' @> ${JSON.stringify(reason)}::jsonb`
  })
  return anyOf(said)
}

const whys = ['left', 'unproven', 'refused'] as const satisfies readonly EndedByJoining[]

const codings = {
  left: { system: consentEnd, code: 'left-before-joining', display: 'Left before records were joined' },
  unproven: {
    system: consentEnd,
    code: 'unproven-before-joining',
    display: 'Given before records were joined, through an app that nobody had said is theirs',
  },
  refused: {
    system: consentEnd,
    code: 'refused-before-joining',
    display: 'Refused by another record before records were joined',
  },
}

/** Used if nobody has said why. */
export const joiningReasons: Readonly<Record<EndedByJoining, string>> = {
  left: 'They had left the study before this record was joined with another of theirs. What they gave counts again only by what they sign anew.',
  unproven:
    'It was given through an app that took up an invitation, and nobody had said that the app is theirs before this record was joined with another. Only what they sign anew counts.',
  refused:
    'By another record of theirs they had said no since it was signed, before the two were joined. Only what they sign anew counts.',
}
