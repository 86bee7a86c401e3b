import type { Device } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import { fullAccess } from '../../access/access.ts'
import type { Connection } from '../database.ts'
import { columnOf, sql } from '../sql.ts'
import type { HeaderDevice } from '../store.ts'
import { lowered, toLowered } from '../values/letter-case.ts'
import { candidatesOf, insertAll, type Writing } from '../write/write.ts'
import { type Described, findDevices, nameOf, placeOf, placesOf } from './described-device.ts'
import { findNamedSources } from './named-source.ts'
import { creatableAmong } from './upload-rights.ts'

/**
 * The Devices of the patients for whom the caller may store these Observations, by place. If several requests come at once, only one of them makes
 * each Device: the key is taken first, and its row is locked until the end.
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
  const registered = await findRegistered(
    connection,
    permitted.filter(one => !found.has(placeOf(one))),
  )
  const said = new Set<string>()
  for (const one of permitted) {
    if (found.has(placeOf(one))) continue
    const words = wordsOf(one)
    // One that was just made may be the same device, described in fewer words.
    const known = words.some(word => said.has(word)) ? await findRegistered(connection, [one]) : registered
    const id = known.get(placeOf(one)) ?? (await insertDevice(connection, writing, one, sources.get(one.device)))
    found.set(placeOf(one), id)
    await recordDevice(connection, one, { id, isMade: !known.has(placeOf(one)) })
    for (const word of words) said.add(word)
  }
  return found
}

const wordsOf = ({ patientId, device: { udi, serial } }: Described): readonly string[] => [
  ...(udi === undefined ? [] : [`${patientId}/udi/${udi}`]),
  ...(serial === undefined ? [] : [`${patientId}/serial/${serial}`]),
]

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

const recordDevice = (
  connection: Connection,
  { patientId, key }: Described,
  { id, isMade }: { readonly id: string; readonly isMade: boolean },
): Promise<number> =>
  connection.run(sql.fragment`
    UPDATE upload_device SET id = ${id}, is_made = ${isMade}
    WHERE patient_id = ${patientId} AND key = ${key}::uuid`)

/** The Devices that the patients' apps have registered themselves, by place. Those of a patient are gone through only once. */
const findRegistered = async (
  connection: Connection,
  described: readonly Described[],
): Promise<ReadonlyMap<string, string>> => {
  const asked = described.filter(({ device: { udi, serial } }) => udi !== undefined || serial !== undefined)
  if (asked.length === 0) return new Map()
  const patients = columnOf(asked, ({ patientId }) => patientId, 'int4')
  const rows = await connection.any<{ position: number; id: string }>(sql.fragment`
    WITH asked AS (
      SELECT * FROM unnest(
        ${patients},
        ${columnOf(asked, ({ patient }) => `Patient/${patient}`, 'text')},
        ${columnOf(asked, ({ device }) => device.udi ?? null, 'text')},
        ${columnOf(asked, ({ device }) => device.serial ?? null, 'text')},
        ${columnOf(asked, ({ device }) => toLowered(device.manufacturer ?? ''), 'text')})
        WITH ORDINALITY AS asked(patient_id, patient, udi, serial, manufacturer, position)
    ), registered AS (
      SELECT device.patient_id, device.pk, device.id, 'serial' AS by, content ->> 'serialNumber' AS value,
        content #>> '{patient,reference}' AS patient, ${lowered(sql.fragment`coalesce(content ->> 'manufacturer', '')`)} AS manufacturer
      FROM device WHERE patient_id = ANY(${patients})
      UNION ALL
      SELECT device.patient_id, device.pk, device.id, 'udi', said.value, content #>> '{patient,reference}', NULL
      FROM device, jsonb_array_elements(content -> 'udiCarrier') AS carrier,
        LATERAL (VALUES (carrier ->> 'carrierHRF'), (carrier ->> 'deviceIdentifier')) AS said(value)
      WHERE patient_id = ANY(${patients})
    )
    SELECT DISTINCT ON (position) position::integer, id FROM (
      SELECT asked.position, registered.id, registered.pk FROM asked
      JOIN registered USING (patient_id, patient, manufacturer)
      WHERE registered.by = 'serial' AND registered.value = asked.serial
      UNION ALL
      SELECT asked.position, registered.id, registered.pk FROM asked
      JOIN registered USING (patient_id, patient)
      WHERE registered.by = 'udi' AND registered.value = asked.udi
    ) AS same
    ORDER BY position, pk`)
  return new Map(
    rows.flatMap(({ position, id }) => {
      const one = asked[position - 1]
      return one === undefined ? [] : [[placeOf(one), id]]
    }),
  )
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
