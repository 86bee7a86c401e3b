import type { Device } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import { fullAccess } from '../access/access.ts'
import type { Connection } from './database.ts'
import { type Described, findDevices, nameOf, placeOf, placesOf } from './described-device.ts'
import { findNamedSources } from './named-source.ts'
import { sql } from './sql.ts'
import type { HeaderDevice } from './store.ts'
import { creatableAmong } from './upload-rights.ts'
import { candidatesOf, insertAll, type Writing } from './write.ts'

/**
 * The Devices of the patients for whom the caller may store these Observations, by place. Of requests at once one makes each: the
 * key is taken first, and its row locked until the end.
 */
export const makeDevices = async (
  connection: Connection,
  writing: Writing,
  described: readonly Described[],
): Promise<ReadonlyMap<string, string>> => {
  const permitted = await permittedAmong(connection, writing, described)
  if (permitted.length === 0) return new Map()
  await connection.run(sql.fragment`
    INSERT INTO upload_device (patient_id, key, id, is_made)
    SELECT patient_id, key, '', FALSE FROM unnest(${placesOf(permitted)}) AS new(patient_id, key)
    ORDER BY patient_id, key
    ON CONFLICT DO NOTHING`)
  await connection.any(sql.fragment`
    SELECT FROM unnest(${placesOf(permitted)}) AS asked(patient_id, key)
    JOIN upload_device USING (patient_id, key)
    ORDER BY upload_device.patient_id, upload_device.key
    FOR UPDATE OF upload_device`)
  const found = new Map(await findDevices(connection, permitted))
  const sources = await findNamedSources(
    connection,
    permitted.map(({ device }) => device),
  )
  for (const one of permitted)
    if (!found.has(placeOf(one)))
      found.set(placeOf(one), await makeOne(connection, writing, one, sources.get(one.device)))
  return found
}

const permittedAmong = async (
  connection: Connection,
  writing: Writing,
  described: readonly Described[],
): Promise<readonly Described[]> => {
  const candidates = await candidatesOf(
    connection,
    writing,
    described.map(({ create }) => create),
  )
  const creatable = await creatableAmong(
    connection,
    writing,
    candidates.map(candidate => ({ candidate, current: undefined })),
  )
  return described.filter((_, index) => creatable.has(candidates[index]?.pk ?? ''))
}

const makeOne = async (
  connection: Connection,
  writing: Writing,
  one: Described,
  source: string | undefined,
): Promise<string> => {
  const { patientId, key } = one
  const registered = await findRegistered(connection, one)
  const id = registered ?? (await insertDevice(connection, writing, one, source))
  await connection.run(sql.fragment`
    UPDATE upload_device SET id = ${id}, is_made = ${registered === undefined}
    WHERE patient_id = ${patientId} AND key = ${key}::uuid`)
  return id
}

/** One that the patient's app has registered itself. */
const findRegistered = async (
  connection: Connection,
  { patientId, patient, device: { udi, serial, manufacturer } }: Described,
): Promise<string | undefined> => {
  if (udi === undefined && serial === undefined) return undefined
  const row = await connection.maybeOne<{ id: string }>(sql.fragment`
    SELECT id FROM device
    WHERE patient_id = ${patientId} AND content #>> '{patient,reference}' = ${`Patient/${patient}`} AND (
      EXISTS (SELECT FROM jsonb_array_elements(content -> 'udiCarrier') AS carrier
        WHERE ${udi ?? null}::text IN (carrier ->> 'carrierHRF', carrier ->> 'deviceIdentifier'))
      OR (content ->> 'serialNumber' = ${serial ?? null}::text
        AND lower(coalesce(content ->> 'manufacturer', '')) = ${(manufacturer ?? '').toLowerCase()}))
    ORDER BY pk LIMIT 1`)
  return row?.id
}

const insertDevice = async (
  connection: Connection,
  writing: Writing,
  { patient, device }: Described,
  source: string | undefined,
): Promise<string> => {
  const id = uuidv7()
  const ours = { ...writing, access: fullAccess, organizations: [] }
  const create = { resource: toDevice(patient, device, source), id }
  await insertAll(connection, ours, await candidatesOf(connection, ours, [create]))
  return id
}

/** https://hl7.org/fhir/R4/device.html */
const toDevice = (patient: string, device: HeaderDevice, source: string | undefined): Device => ({
  resourceType: 'Device',
  status: 'active',
  ...(device.udi === undefined ? {} : { udiCarrier: [{ carrierHRF: device.udi }] }),
  ...(device.manufacturer === undefined ? {} : { manufacturer: device.manufacturer }),
  ...(device.serial === undefined ? {} : { serialNumber: device.serial }),
  ...(nameOf(device) === '' ? {} : { deviceName: [{ name: nameOf(device), type: 'user-friendly-name' }] }),
  ...(device.model === undefined ? {} : { modelNumber: device.model }),
  patient: { reference: `Patient/${patient}` },
  ...(source === undefined ? {} : { parent: { reference: `Device/${source}` } }),
})
