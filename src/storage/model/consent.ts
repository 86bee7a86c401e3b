import type { Consent } from '@medplum/fhirtypes'
import { type ConsentGrantee, type ConsentTerms, devicesNamed, readConsent } from '../../access/consent.ts'
import type { Permit } from '../../access/consent-permit.ts'
import { typeOfKind } from '../../access/shared-type.ts'
import { FhirError, type Issue } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { refuseTransition } from './consent-status.ts'
import { noDevice } from './consented.ts'
import { findSourceDevices } from './device.ts'
import { granteeNumber } from './grantee.ts'
import { each, type Projected, type ProjectionContext } from './projection.ts'

/** What patients permit, as the rows that every reading of Observations asks. */
export const projectConsents = each<Consent>(async (connection, change, context) => {
  const { patientId, id, pk, resource } = change
  await takeTurn(connection, patientId)
  await connection.run(sql.fragment`
    DELETE FROM study_group_observation_consents WHERE patient_id = ${patientId} AND consent_id = ${id}`)
  await connection.run(sql.fragment`DELETE FROM consent_grantee WHERE patient_id = ${patientId} AND consent_id = ${id}`)
  if (resource === undefined || patientId === 0) return
  const terms = await termsOf(connection, resource, context)
  if (terms === undefined) return
  if (context.isAccepted !== true) await refuseTransition(connection, change, resource)
  const study = await studyOf(connection, terms.grantee)
  const permits = await numbered(terms.permits, context)
  if (study !== undefined && isStanding(resource) && context.isAccepted !== true)
    await refuseUnasked(connection, study.id, permits)
  const grantee = await granteeNumber(connection, terms.grantee)
  const made = await connection.run(sql.fragment`
    INSERT INTO consent_grantee (patient_id, consent_id, grantee, standing, pk)
    VALUES (${patientId}, ${id}, ${grantee}, ${isStanding(resource)}, ${pk}) ON CONFLICT DO NOTHING`)
  if (made === 0)
    throw new FhirError(
      'duplicate',
      'The patient has a Consent to the same study or recipient already; change that one',
    )
  await insertPermits(connection, change, { consent: resource, grantee, study, permits })
})

/** One at a time a patient: an enrolment that changes meanwhile must not bring back what was just withdrawn. */
export const takeTurn = (connection: Connection, patientId: number) =>
  connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('consent'), ${patientId})`)

/** Writes the rows anew of the patient's standing Consent to the grantee: the enrolment that bounds them has changed. */
export const renewPermits = async (
  connection: Connection,
  patientId: number,
  of: ConsentGrantee,
  context: ProjectionContext,
): Promise<void> => {
  const grantee = await granteeNumber(connection, of)
  const consent = await connection.maybeOne<{ pk: string; id: string; version: number; content: Consent }>(sql.fragment`
    SELECT consent.pk, consent.id, consent.version, consent.content
    FROM consent_grantee
    JOIN consent ON consent.patient_id = consent_grantee.patient_id AND consent.pk = consent_grantee.pk
    WHERE consent_grantee.patient_id = ${patientId} AND consent_grantee.grantee = ${grantee} AND consent_grantee.standing`)
  const terms = consent && (await termsOf(connection, consent.content, context))
  if (consent === undefined || terms === undefined) return
  await connection.run(sql.fragment`
    DELETE FROM study_group_observation_consents WHERE patient_id = ${patientId} AND consent_id = ${consent.id}`)
  const study = await studyOf(connection, of)
  const permits = await numbered(terms.permits, context)
  const change = { patientId, pk: consent.pk, id: consent.id, versionId: String(consent.version) }
  await insertPermits(connection, change, { consent: consent.content, grantee, study, permits })
}

const termsOf = async (
  connection: Connection,
  consent: Consent,
  { classes }: ProjectionContext,
): Promise<ConsentTerms | undefined> => {
  const sources = await findSourceDevices(connection, devicesNamed(consent))
  return readConsent(consent, { classes, isSource: id => sources.has(id) })
}

const isStanding = ({ status }: Consent): boolean => status === 'proposed' || status === 'active'

type Study = { readonly id: string; readonly organization: string }

const studyOf = async (connection: Connection, { kind, id }: ConsentGrantee): Promise<Study | undefined> => {
  if (kind !== 'study') return undefined
  const study = await connection.maybeOne<Study>(sql.fragment`SELECT id, organization FROM study WHERE id = ${id}`)
  if (study === undefined)
    throw new FhirError('business-rule', `ResearchStudy/${id} is not a study of this server`, {
      expression: 'Consent.extension',
    })
  return study
}

type NumberedPermit = Permit & { readonly kindId: number; readonly deviceId: number }

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

/** A study's patients are asked for what its approved text says, and can give no more. */
const refuseUnasked = async (
  connection: Connection,
  study: string,
  permits: readonly NumberedPermit[],
): Promise<void> => {
  const asked = await connection.any<{ kind_id: number; device_id: number }>(
    sql.fragment`SELECT kind_id, device_id FROM study_requested_data WHERE study_id = ${study}`,
  )
  const isAsked = ({ kindId, deviceId }: NumberedPermit) =>
    asked.some(one => one.kind_id === kindId && (one.device_id === 0 || one.device_id === deviceId))
  const issues = permits
    .filter(permit => !isAsked(permit))
    .map(
      (permit): Issue => ({
        code: 'business-rule',
        message: `The study does not ask for ${told(permit)}`,
        expression: permit.expression,
      }),
    )
  const [first, ...rest] = issues
  if (first !== undefined) throw FhirError.of([first, ...rest])
}

const told = ({ kind, device }: Permit): string =>
  typeOfKind(kind) ?? `${kind} from ${device === undefined ? 'any source' : `Device/${device}`}`

type Given = {
  readonly consent: Consent
  readonly grantee: number
  readonly study: Study | undefined
  readonly permits: readonly NumberedPermit[]
}

/** A study's permits hold only while its patient is in it. */
const insertPermits = async (
  connection: Connection,
  { patientId, id, versionId }: Omit<Projected<Consent>, 'resource'>,
  { consent, grantee, study, permits }: Given,
): Promise<void> => {
  if (!isStanding(consent)) return
  const rows = permits
    .filter(
      ({ recipients }) => study === undefined || recipients.length === 0 || recipients.includes(study.organization),
    )
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
  await connection.run(sql.fragment`
    INSERT INTO study_group_observation_consents
      (patient_id, grantee, scope_action, kind_id, device_id, data_start, data_end, consented, valid_from, valid_to,
        consent_id, version)
    SELECT ${patientId}, ${grantee}, 'rs', permit.kind_id, permit.device_id, permit.data_start, permit.data_end,
      ${consent.status === 'active'}, greatest(permit.valid_from, enrolment.period_start),
      least(permit.valid_to, enrolment.period_end), ${id}, ${Number(versionId)}
    FROM ${enrolments}, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS permit(
      kind_id integer, device_id integer, data_start timestamptz, data_end timestamptz,
      valid_from timestamptz, valid_to timestamptz)`)
}
