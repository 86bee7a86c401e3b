import type { Observation, Reference } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { Write, Written } from '../store.ts'
import type { Writing } from '../write/write.ts'

/** What became of an Observation of an upload. One that is `repaired` was accepted as well. */
export type Fate = 'accepted' | 'repaired' | 'duplicate' | 'refused'

export type Fated = {
  readonly fate: Fate
  readonly deviceId: number
  /** The number of the compartment, and the id of the Patient. */
  readonly patientId: number
  readonly patient: string
}

/**
 * Counts what an upload brought, by source, in the transaction of its writes. The CTEs `beside` are a part of the same statement. Somebody who may not
 * write is counted nowhere; everything that is stored is counted.
 */
export const countUploads = async (
  connection: Connection,
  writing: Writing,
  writes: readonly Write[],
  written: readonly Written[],
  beside: readonly SqlFragment[],
): Promise<void> => {
  if (writing.upload === undefined) return
  const uploads = writes.flatMap((write, index) => uploadedBy(write, written[index]) ?? [])
  if (uploads.length === 0) return
  const named = uploads.flatMap(({ device }) => (typeof device === 'string' ? device : []))
  const sources = named.length === 0 ? new Map() : await writing.dictionary.deviceSources.of(connection, new Set(named))
  const patients = await writing.dictionary.patients.find(
    new Set(uploads.flatMap(({ patient }) => (patient === '' ? [] : patient))),
  )
  await recordIngest(
    connection,
    writing,
    uploads.map(({ fate, patient, device }): Fated => {
      const patientId = patients.get(patient) ?? 0
      if (typeof device === 'number') return { fate, patient, patientId, deviceId: device }
      const source = sources.get(device ?? '')
      const isTheirs = source !== undefined && (source.patientId === 0 || source.patientId === patientId)
      return { fate, patient, patientId, deviceId: isTheirs ? source.deviceId : 0 }
    }),
    beside,
  )
}

/** `device`: the number of its source, or the id of the Device if that number is not known yet. */
type Uploaded = { readonly fate: Fate; readonly patient: string; readonly device: number | string | undefined }

const uploadedBy = (write: Write, done: Written | undefined): Uploaded | undefined => {
  if (done === undefined) return undefined
  const fate = fateOf(write, done)
  if (fate === undefined || !isUpload(write, done) || write.resource.resourceType !== 'Observation') return undefined
  const { subject, device } = write.resource as Observation
  const deviceId = 'deviceId' in done ? done.deviceId : undefined
  return {
    fate,
    patient: idIn('Patient', subject) ?? '',
    device: deviceId ?? idIn('Device', device ?? storedDevice(done)),
  }
}

/** Whether something came in by it. An update that is refused may be of something that its sender does not see; that of a document is counted where it is kept. */
export const isUpload = (
  write: Write,
  { outcome }: Written,
): write is Extract<Write, { readonly kind: 'create' | 'update' }> =>
  write.kind === 'create' || (write.kind === 'update' && outcome !== 'refused')

/** A document that was there already may have had its device found for it. */
const storedDevice = (done: Written): Reference | undefined =>
  done.outcome === 'unchanged' ? (JSON.parse(done.content) as Observation).device : undefined

/** Undefined for what its sender may not write, and for what is deleted. */
export const fateOf = (write: Write, done: Written): Fate | undefined => {
  if (done.outcome === 'deleted') return undefined
  if (done.outcome === 'refused') return done.error.status === 403 ? undefined : 'refused'
  if (done.outcome === 'unchanged') return 'duplicate'
  return 'repairs' in write && write.repairs !== undefined ? 'repaired' : 'accepted'
}

const idIn = (type: 'Device' | 'Patient', { reference = '' }: Reference = {}): string | undefined =>
  reference.startsWith(`${type}/`) ? reference.slice(type.length + 1) : undefined

/** Adds to what the upload has brought so far, in one statement. */
export const recordIngest = async (
  connection: Connection,
  { upload }: Pick<Writing, 'upload'>,
  fated: readonly Fated[],
  beside: readonly SqlFragment[] = [],
): Promise<void> => {
  if (upload === undefined || fated.length === 0) return
  const groups = [...Map.groupBy(fated, ({ deviceId, patient }) => `${deviceId}/${patient}`).values()].map(group => {
    const count = (...fates: readonly Fate[]) => group.filter(({ fate }) => fates.includes(fate)).length
    const [{ deviceId = 0, patientId = 0, patient = '' } = {}] = group
    return {
      device_id: deviceId,
      patient_id: patientId,
      patient,
      accepted: count('accepted', 'repaired'),
      repaired: count('repaired'),
      duplicate: count('duplicate'),
      refused: count('refused'),
    }
  })
  const counted = sql.fragment`counted AS (
    SELECT * FROM json_to_recordset(${JSON.stringify(groups)}::json) AS counted(device_id integer, patient_id integer, patient text,
      accepted integer, repaired integer, duplicate integer, refused integer))`
  await connection.later(sql.fragment`
    WITH ${sql.join([...beside, counted], sql.fragment`, `)}
    INSERT INTO ingest (source, upload, organization, client, accepted, repaired, duplicate, refused)
    SELECT coalesce(device_source.id, ''), ${upload.id}::uuid, coalesce(record.owner, ''), ${upload.client},
      sum(accepted), sum(repaired), sum(duplicate), sum(refused)
    FROM counted
    LEFT JOIN device_source ON device_source.device_id = counted.device_id
    LEFT JOIN patient AS record ON record.patient_id = counted.patient_id AND record.id = counted.patient
    GROUP BY 1, 3
    ON CONFLICT (source, upload, organization) DO UPDATE SET accepted = ingest.accepted + excluded.accepted,
      repaired = ingest.repaired + excluded.repaired, duplicate = ingest.duplicate + excluded.duplicate,
      refused = ingest.refused + excluded.refused`)
}
