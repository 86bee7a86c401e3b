import type { Observation } from '@medplum/fhirtypes'
import type { Connection } from './database.ts'
import { sql } from './sql.ts'
import type { Write, Written } from './store.ts'
import type { Writing } from './write.ts'

/** What became of an Observation of an upload: `repaired` was accepted as well. */
type Fate = 'accepted' | 'repaired' | 'duplicate' | 'refused'

export type Fated = {
  readonly fate: Fate
  readonly deviceId: number
  /** Number of the compartment, and id of the Patient. */
  readonly patientId: number
  readonly patient: string
}

/** Counts what an upload has brought, by source, in the transaction of its writes. Whoever may not write is counted nowhere. */
export const countUploads = async (
  connection: Connection,
  writing: Writing,
  writes: readonly Write[],
  written: readonly Written[],
): Promise<void> => {
  if (writing.upload === undefined) return
  const uploads = writes.flatMap((write, index) => {
    const fate = fateOf(write, written[index])
    if (fate === undefined || write.kind !== 'create' || write.resource.resourceType !== 'Observation') return []
    return [{ ...fate, resource: write.resource as Observation }]
  })
  if (uploads.length === 0) return
  const devices = new Set(uploads.flatMap(({ resource }) => idIn('Device', resource.device?.reference) ?? []))
  const [sources, patients] = [
    await writing.dictionary.deviceSources.of(connection, devices),
    await writing.dictionary.patients.idsOf(
      new Set(uploads.flatMap(({ resource }) => idIn('Patient', resource.subject?.reference) ?? [])),
    ),
  ]
  await recordIngest(
    connection,
    writing,
    uploads.map(({ fate, resource }): Fated => {
      const patient = idIn('Patient', resource.subject?.reference) ?? ''
      const patientId = patients.get(patient) ?? 0
      const device = sources.get(idIn('Device', resource.device?.reference) ?? '')
      const isTheirs = device !== undefined && (device.patientId === 0 || device.patientId === patientId)
      return { fate, patient, patientId, deviceId: isTheirs ? device.deviceId : 0 }
    }),
  )
}

const fateOf = (write: Write, done: Written | undefined): { readonly fate: Fate } | undefined => {
  if (done === undefined || done.outcome === 'deleted') return undefined
  if (done.outcome === 'refused') return done.error.status === 403 ? undefined : { fate: 'refused' }
  if (done.outcome === 'unchanged') return { fate: 'duplicate' }
  return { fate: 'repairs' in write && write.repairs !== undefined ? 'repaired' : 'accepted' }
}

const idIn = (type: 'Device' | 'Patient', reference = ''): string | undefined =>
  reference.startsWith(`${type}/`) ? reference.slice(type.length + 1) : undefined

/** One statement, whatever came: it adds to what the upload has brought so far. */
export const recordIngest = async (
  connection: Connection,
  { upload }: Pick<Writing, 'upload'>,
  fated: readonly Fated[],
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
  await connection.run(sql.fragment`
    INSERT INTO ingest (source, upload, organization, client, accepted, repaired, duplicate, refused)
    SELECT coalesce(device_source.id, ''), ${upload.id}::uuid, coalesce(record.owner, ''), ${upload.client},
      sum(accepted), sum(repaired), sum(duplicate), sum(refused)
    FROM json_to_recordset(${JSON.stringify(groups)}::json) AS counted(device_id integer, patient_id integer, patient text,
      accepted integer, repaired integer, duplicate integer, refused integer)
    LEFT JOIN device_source ON device_source.device_id = counted.device_id
    LEFT JOIN patient AS record ON record.patient_id = counted.patient_id AND record.id = counted.patient
    GROUP BY 1, 3
    ON CONFLICT (source, upload, organization) DO UPDATE SET accepted = ingest.accepted + excluded.accepted,
      repaired = ingest.repaired + excluded.repaired, duplicate = ingest.duplicate + excluded.duplicate,
      refused = ingest.refused + excluded.refused`)
}
