import type { Consent } from '@medplum/fhirtypes'
import type { Permit } from '../../../access/consent-permit.ts'
import { typeOfKind } from '../../../access/shared-type.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import type { Projected, ProjectionContext } from '../projection.ts'
import { noDevice } from '../relation/consented.ts'
import type { NumberedPermit } from './consent-asked.ts'
import type { Open } from './consent-open.ts'
import type { SignedText } from './consent-source.ts'
import { isPlaceSince } from './place-since.ts'

export type Opened = {
  readonly grantee: number
  readonly study: { readonly id: string; readonly organization: string } | undefined
  readonly signed: SignedText | undefined
  readonly open: Open
}

/** A study's permits hold only while the patient is in it, and only for those whom the signed text names, if it names anybody. */
export const insertPermits = async (
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
          WHERE patient_id = ${patientId} AND study_id = ${study.id} AND in_force
            AND ${open.until === undefined ? sql.fragment`TRUE` : isPlaceSince(study.id, until)}) AS enrolment`
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

export const numbered = async (
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

/** A study receives through its organization: a permit that names only others gives it nothing. */
export const isFor = ({ recipients }: Permit, study: Opened['study']): boolean =>
  study === undefined || recipients.length === 0 || recipients.includes(study.organization)
