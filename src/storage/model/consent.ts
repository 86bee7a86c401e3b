import type { Consent } from '@medplum/fhirtypes'
import { type ConsentGrantee, type ConsentTerms, devicesNamed, readConsent } from '../../access/consent.ts'
import { isWithin, type Permit } from '../../access/consent-permit.ts'
import { typeOfKind } from '../../access/shared-type.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { refuseNewcomer } from './accrual.ts'
import { type NumberedPermit, refuseUnasked } from './consent-asked.ts'
import { findGiven } from './consent-given.ts'
import { type Before, isStanding, type Open, openBy, signedBy } from './consent-open.ts'
import { findSignedText, refuseSource, type SignedText } from './consent-source.ts'
import { refuseTransition } from './consent-status.ts'
import { noDevice } from './consented.ts'
import { findSourceDevices } from './device.ts'
import { granteeNumber } from './grantee.ts'
import { each, type Projected, type ProjectionContext } from './projection.ts'

/** What patients permit, as the rows that every reading of Observations asks. */
export const projectConsents = each<Consent>(async (connection, change, context) => {
  const { patientId, resource } = change
  await takeTurn(connection, patientId)
  const terms = resource && (await termsOf(connection, resource, context))
  // Before any row of it is touched: the study may be about to change.
  const study = terms && patientId !== 0 ? await studyOf(connection, terms.grantee) : undefined
  const givenTo = await removeRows(connection, change)
  if (resource === undefined || patientId === 0) return
  const grantee = terms && (await granteeNumber(connection, terms.grantee))
  if (givenTo !== undefined && givenTo !== grantee) throw otherGrantee()
  if (terms === undefined || grantee === undefined) return
  if (givenTo === undefined && resource.status === 'rejected' && context.isAccepted !== true)
    await refuseBesideStanding(connection, patientId, grantee)
  await projectTerms(connection, { change, consent: resource, terms, grantee, study }, context)
})

/** Whoever says no where a yes stands that they do not see is not told that they share nothing. */
const refuseBesideStanding = async (connection: Connection, patientId: number, grantee: number): Promise<void> => {
  const standing = await connection.maybeOne(sql.fragment`
    SELECT FROM consent_grantee WHERE patient_id = ${patientId} AND grantee = ${grantee} AND standing LIMIT 1`)
  if (standing !== undefined) throw already()
}

/** Answers the number of the grantee that it was given to. */
const removeRows = async (
  connection: Connection,
  { patientId, id }: Projected<Consent>,
): Promise<number | undefined> => {
  await connection.run(sql.fragment`
    DELETE FROM study_group_observation_consents WHERE patient_id = ${patientId} AND consent_id = ${id}`)
  const removed = await connection.maybeOne<{ grantee: number }>(sql.fragment`
    DELETE FROM consent_grantee WHERE patient_id = ${patientId} AND consent_id = ${id} RETURNING grantee`)
  return removed?.grantee
}

type Given = {
  readonly change: Projected<Consent>
  readonly consent: Consent
  readonly terms: ConsentTerms
  readonly grantee: number
  readonly study: Study | undefined
}

const projectTerms = async (
  connection: Connection,
  { change, consent, terms, grantee, study }: Given,
  context: ProjectionContext,
): Promise<void> => {
  const { patientId, id, pk } = change
  if (context.isAccepted !== true) await refuseTransition(connection, change, consent)
  const before = await findBefore(connection, change, { grantee: terms.grantee, study }, context)
  const text = study && (await findSignedText(connection, study.id, consent))
  if (study !== undefined && isStanding(consent) && context.isAccepted !== true) {
    // What has ended never comes back: what was given before is given still.
    if (consent.status === 'active' && before === undefined) await refuseNewcomer(connection, study.id, consent)
    const given = before?.permits ?? []
    // What the study asks no more for may be kept and narrowed, or nobody could take back a part of what they gave.
    const anew = terms.permits.filter(one => !given.some(other => isWithin(one, other)))
    await refuseUnasked(connection, study.id, await numbered(anew, context))
    await refuseSource(connection, { study: study.id, consent, text, permits: terms.permits, before })
  }
  const signed = signedBy(consent, text, before)
  const made = await connection.run(sql.fragment`
    INSERT INTO consent_grantee (patient_id, consent_id, grantee, standing, pk, text_version, withdrawal)
    VALUES (${patientId}, ${id}, ${grantee}, ${isStanding(consent)}, ${pk}, ${signed?.version ?? null},
      ${signed?.withdrawal ?? 'hide'})
    ON CONFLICT DO NOTHING`)
  if (made === 0) throw already()
  await insertPermits(connection, change, { grantee, study, signed, open: openBy(consent, terms, before) }, context)
}

const already = (): FhirError =>
  new FhirError('duplicate', 'The patient has a Consent to the same study or recipient already; change that one')

/** What was decided for one study or recipient says nothing about another, nor does what we cannot read. */
const otherGrantee = (): FhirError =>
  new FhirError(
    'business-rule',
    'A Consent stays with the study or recipient that it was made for, and in a shape that names it: end this one by its status, and make another',
    { expression: 'Consent' },
  )

/** One at a time a patient: an enrolment that changes meanwhile must not bring back what was just withdrawn. */
export const takeTurn = (connection: Connection, patientId: number) =>
  connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('consent'), ${patientId})`)

/** Writes the rows anew of what the patient gives the grantee: the enrolment that bounds them has changed. */
export const renewPermits = async (
  connection: Connection,
  patientId: number,
  of: ConsentGrantee,
  context: ProjectionContext,
): Promise<void> => {
  const grantee = await granteeNumber(connection, of)
  const consents = await connection.any<{ pk: string; id: string; version: number; content: Consent }>(sql.fragment`
    SELECT consent.pk, consent.id, consent.version, consent.content
    FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    WHERE given.patient_id = ${patientId} AND given.grantee = ${grantee}
      AND (given.standing OR given.withdrawal = 'keep')`)
  if (consents.length === 0) return
  const study = await studyOf(connection, of)
  for (const { pk, id, version, content } of consents) {
    const change = { patientId, pk, id, versionId: String(version) }
    const terms = await termsOf(connection, content, context)
    const before = await findBefore(connection, change, { grantee: of, study }, context)
    const signed = signedBy(content, study && (await findSignedText(connection, study.id, content)), before)
    await connection.run(sql.fragment`
      DELETE FROM study_group_observation_consents WHERE patient_id = ${patientId} AND consent_id = ${id}`)
    if (terms === undefined) continue
    await insertPermits(connection, change, { grantee, study, signed, open: openBy(content, terms, before) }, context)
  }
}

/** What was given to the same grantee until the current version. */
const findBefore = async (
  connection: Connection,
  change: Pick<Projected<Consent>, 'patientId' | 'pk'>,
  { grantee, study }: { readonly grantee: ConsentGrantee; readonly study: Study | undefined },
  context: ProjectionContext,
): Promise<Before | undefined> => {
  const given = await findGiven(connection, change)
  const terms = given && (await termsOf(connection, given.consent, context))
  if (terms?.grantee.kind !== grantee.kind || terms.grantee.id !== grantee.id || given === undefined) return undefined
  const text = study && (await findSignedText(connection, study.id, given.consent))
  const permits = terms.permits.filter(one => isFor(one, study))
  return { text, permits, until: given.until, isEndedByJoining: given.isEndedByJoining }
}

/** What it gives, as it is read where it is enforced. */
export const termsOf = async (
  connection: Connection,
  consent: Consent,
  { classes }: Pick<ProjectionContext, 'classes'>,
): Promise<ConsentTerms | undefined> => {
  const sources = await findSourceDevices(connection, devicesNamed(consent))
  return readConsent(consent, { classes, isSource: id => sources.has(id) })
}

type Study = { readonly id: string; readonly organization: string }

/** As it stands until the end of the transaction. */
const studyOf = async (connection: Connection, { kind, id }: ConsentGrantee): Promise<Study | undefined> => {
  if (kind !== 'study') return undefined
  const study = await connection.maybeOne<Study>(
    sql.fragment`SELECT id, organization FROM study WHERE id = ${id} FOR SHARE`,
  )
  if (study === undefined)
    throw new FhirError('business-rule', `ResearchStudy/${id} is not a study of this server`, {
      expression: 'Consent.extension',
    })
  return study
}

const numbered = async (
  permits: readonly Permit[],
  { dictionary }: ProjectionContext,
): Promise<readonly NumberedPermit[]> => {
  const kindIds = await dictionary.kinds.idsOf(permits.map(({ kind }) => kind))
  const deviceIds = await dictionary.devices.idsOf(permits.flatMap(({ device }) => device ?? []))
  return permits.flatMap(permit => {
    const kindId = kindIds.get(permit.kind)
    const anyDevice = typeOfKind(permit.kind) === undefined ? 0 : noDevice
    const deviceId = permit.device === undefined ? anyDevice : deviceIds.get(permit.device)
    return kindId === undefined || deviceId === undefined ? [] : [{ ...permit, kindId, deviceId }]
  })
}

/** Of a study its organization receives: what names others alone gives it nothing. */
const isFor = ({ recipients }: Permit, study: Study | undefined): boolean =>
  study === undefined || recipients.length === 0 || recipients.includes(study.organization)

type Opened = {
  readonly grantee: number
  readonly study: Study | undefined
  readonly signed: SignedText | undefined
  readonly open: Open
}

/** A study's permits hold only while its patient is in it, and for those to whom the text that was signed names them. */
const insertPermits = async (
  connection: Connection,
  { patientId, id, versionId }: Omit<Projected<Consent>, 'resource'>,
  { grantee, study, signed, open }: Opened,
  context: ProjectionContext,
): Promise<void> => {
  if (open.permits.length === 0) return
  const until = open.until?.toISOString() ?? 'infinity'
  const permits = await numbered(open.permits, context)
  const rows = permits
    .filter(one => isFor(one, study))
    .map(({ kindId, deviceId, data, valid }) => ({
      kind_id: kindId,
      device_id: deviceId,
      data_start: data.low,
      data_end: data.high,
      valid_from: valid.low,
      valid_to: valid.high,
    }))
  const enrolments =
    study === undefined
      ? sql.fragment`(VALUES ('-infinity'::timestamptz, 'infinity'::timestamptz)) AS enrolment(period_start, period_end)`
      : sql.fragment`(
          SELECT period_start, period_end FROM enrolment
          WHERE patient_id = ${patientId} AND study_id = ${study.id} AND in_force) AS enrolment`
  const recipients = sql.array([...(signed?.recipients ?? [])], 'text')
  const reached =
    study === undefined || !signed?.recipients
      ? sql.fragment`(VALUES (${grantee}::integer)) AS reached(grantee)`
      : sql.fragment`(
          SELECT grantee FROM study_grantee
          WHERE study_id = ${study.id} AND grantee <> ${grantee}
            AND (practitioner IS NULL OR practitioner = ANY(${recipients}))) AS reached`
  await connection.run(sql.fragment`
    INSERT INTO study_group_observation_consents
      (patient_id, grantee, scope_action, kind_id, device_id, data_start, data_end, consented, valid_from, valid_to,
        consent_id, version, stored_before)
    SELECT ${patientId}, reached.grantee, 'rs', permit.kind_id, permit.device_id, permit.data_start,
      least(permit.data_end, ${until}::timestamptz), ${open.consented},
      greatest(permit.valid_from, enrolment.period_start), least(permit.valid_to, enrolment.period_end),
      ${id}, ${Number(versionId)}, ${until}::timestamptz
    FROM ${reached}, ${enrolments}, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS permit(
      kind_id integer, device_id integer, data_start timestamptz, data_end timestamptz,
      valid_from timestamptz, valid_to timestamptz)`)
}
