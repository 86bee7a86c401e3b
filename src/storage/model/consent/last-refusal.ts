import type { Consent } from '@medplum/fhirtypes'
import { type ConsentGrantee, granteeOf } from '../../../access/consent.ts'
import { bounded, intervalOf } from '../../../fhir/date.ts'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { type SqlFragment, sql } from '../../sql.ts'
import { isDiscardedPaper } from '../../study/paper-consent.ts'
import { findLastLeaving } from './last-leaving.ts'
import { isSignedAfter } from './signing-time.ts'

/**
 * What was signed before the patient last said no, or left the study, does not count: neither must be undone by an app that has kept a yes and
 * sends it, or by a paper that turns up late. Those who enrol them anew do not say yes for them.
 */
export const refuseSignedBeforeRefusal = async (
  connection: Connection,
  patientId: number,
  { consent, grantee }: { readonly consent: Consent; readonly grantee: ConsentGrantee },
): Promise<void> => {
  const refusedAt = await findLastRefusal(connection, sql.fragment`${patientId}`, grantee)
  if (refusedAt === undefined) return
  const isAfter = isSignedAfter(consent.dateTime, refusedAt.toISOString())
  if (isAfter && !(await wasGivenBefore(connection, patientId, { consent, grantee, refusedAt }))) return
  const only = isAfter
    ? 'a Consent of the same dateTime was given before that, and only another counts'
    : 'only what was signed after that, as Consent.dateTime tells, counts'
  throw new FhirError(
    'business-rule',
    `The patient said no to this ${grantee.kind}, ${orLeft[grantee.kind]}or what they gave it was ended, at ${refusedAt.toISOString()}; ${only}`,
    { expression: 'Consent.dateTime' },
  )
}

const orLeft: Readonly<Record<ConsentGrantee['kind'], string>> = {
  study: 'or left it, ',
  organization: '',
  practitioner: '',
}

type Sent = { readonly consent: Consent; readonly grantee: ConsentGrantee; readonly refusedAt: Date }

/** Whether it is the same yes again. Its own time does not tell if it is only a day, or comes from a clock that is fast. */
const wasGivenBefore = async (
  connection: Connection,
  patientId: number,
  { consent: { dateTime }, grantee, refusedAt }: Sent,
): Promise<boolean> => {
  const signed = sql.fragment`${JSON.stringify(dateTime)}::jsonb`
  const given = await connection.any<{ consent: Consent }>(sql.fragment`
    SELECT DISTINCT ON (pk) content AS consent FROM (
      SELECT pk, last_updated, content FROM consent WHERE patient_id = ${patientId}
      UNION ALL
      SELECT pk, last_updated, content FROM consent_history WHERE patient_id = ${patientId} AND method <> 'DELETE'
    ) AS version
    WHERE last_updated <= ${refusedAt.toISOString()} AND content ->> 'status' = 'active'
      AND fhir_time_low(content -> 'dateTime') = fhir_time_low(${signed})
      AND fhir_time_high(content -> 'dateTime') = fhir_time_high(${signed})`)
  return given.some(({ consent }) => isOf(consent, grantee))
}

/**
 * When the patient last refused, ended or deleted a Consent to the grantee, or staff ended it for them, or when they last left the study; undefined
 * if nothing of that happened. A Consent that was first stored as ended counts from when it was signed.
 */
export const findLastRefusal = async (
  connection: Connection,
  patientId: SqlFragment,
  grantee: ConsentGrantee,
): Promise<Date | undefined> => {
  const refusals = (await findRefusals(connection, patientId, grantee)).map(({ at }) => at)
  const leaving = grantee.kind === 'study' ? await findLastLeaving(connection, patientId, grantee.id) : undefined
  const moments = [...refusals, ...(leaving === undefined ? [] : [leaving])].map(at => at.getTime())
  return moments.length === 0 ? undefined : new Date(Math.max(...moments))
}

/** All of these, each with the Consent that said so. */
export const findRefusals = async (
  connection: Connection,
  patientId: SqlFragment,
  grantee: ConsentGrantee,
): Promise<readonly { readonly at: Date; readonly consent: Consent }[]> => {
  const refusals = await connection.any<Refusal>(sql.fragment`
    WITH version AS (
      SELECT patient_id, pk, version, last_updated, 'PUT' AS method, author, content FROM consent WHERE patient_id = ${patientId}
      UNION ALL
      SELECT patient_id, pk, version, last_updated, method, author, content FROM consent_history WHERE patient_id = ${patientId}
    ), said AS (
      SELECT pk, version, last_updated,
        method = 'DELETE' OR content ->> 'status' IN ('rejected', 'entered-in-error')
          OR (content ->> 'status' = 'inactive' AND NOT ${isDiscardedPaper(sql.fragment`version`)}) AS no
      FROM version
    ), refusal AS (
      SELECT pk, version, last_updated, no AND NOT lag(no, 1, FALSE) OVER (PARTITION BY pk ORDER BY version) AS begins
      FROM said
    )
    SELECT refusal.last_updated AS "storedAt", refusal.version = 1 AS "isFirst", told.content AS consent
    FROM refusal
    CROSS JOIN LATERAL (
      SELECT content FROM version
      WHERE version.pk = refusal.pk AND version.version <= refusal.version AND method <> 'DELETE'
      ORDER BY version.version DESC LIMIT 1
    ) AS told
    WHERE begins`)
  return refusals
    .filter(({ consent }) => isOf(consent, grantee))
    .map(refusal => ({ at: new Date(momentOf(refusal)), consent: refusal.consent }))
}

type Refusal = { readonly storedAt: Date; readonly isFirst: boolean; readonly consent: Consent }

const isOf = (consent: Consent, { kind, id }: ConsentGrantee): boolean => {
  const of = granteeOf(consent)
  return of?.kind === kind && of.id === id
}

const momentOf = ({ storedAt, isFirst, consent: { dateTime } }: Refusal): number => {
  const signed = isFirst && dateTime !== undefined ? intervalOf(dateTime) : undefined
  return Math.min(
    storedAt.getTime(),
    signed === undefined ? Number.POSITIVE_INFINITY : Date.parse(bounded(signed).high),
  )
}
