import { hash } from 'node:crypto'
import type { Extension, Observation } from '@medplum/fhirtypes'
import { canonicalBase, standardExtensions } from '../../fhir/canonical.ts'
import { commandLineClient } from '../authorization/client.ts'
import type { Connection } from '../database.ts'
import type { Candidate } from '../prepare/candidate.ts'
import { subjectsOf } from '../prepare/subject.ts'
import { columnOf, sql } from '../sql.ts'
import { numberAllowed } from '../write/number-allowed.ts'
import { type Create, candidatesOf, type Writing } from '../write/write.ts'
import { type Described, findDevices, nameOf, placeOf } from './described-device.ts'
import { makeDevices } from './make-devices.ts'
import { uuidIn } from './upload-keys.ts'

/** An Observation that names no device gets the one that its document describes, found or made. */
export const withDevices = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Create[],
): Promise<readonly Create[]> => {
  const described = await describedIn(connection, writing, creates)
  if (described.size === 0) return creates
  const all = [...described.values()]
  const found = await findDevices(connection, all)
  const unknown = all.filter(one => !found.has(placeOf(one)))
  const made = unknown.length === 0 ? new Map() : await makeDevices(connection, writing, unknown)
  return creates.map(create => {
    const one = described.get(create)
    const id = one && (found.get(placeOf(one)) ?? made.get(placeOf(one)))
    if (one === undefined || id === undefined) return create
    const display = nameOf(one.device)
    const device = { reference: `Device/${id}`, ...(display === '' ? {} : { display }) }
    const observation = create.resource as Observation
    const extension = [...(observation.extension ?? []), ...gatewayOf(writing, observation)]
    return { ...create, resource: { ...observation, ...(extension.length > 0 && { extension }), device } }
  })
}

/** The app that passed it on, by the id of its client, since the device itself cannot send it. The command line is no app. */
const gatewayOf = ({ upload }: Writing, { extension = [] }: Observation): readonly Extension[] => {
  if (upload === undefined || upload.client === commandLineClient) return []
  if (extension.some(({ url }) => url === standardExtensions.gatewayDevice)) return []
  const identifier = { system: `${canonicalBase}/client`, value: upload.client }
  return [{ url: standardExtensions.gatewayDevice, valueReference: { type: 'Device', identifier } }]
}

const describedIn = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Create[],
): Promise<ReadonlyMap<Create, Described>> => {
  const asking = creates.flatMap(create => {
    const { device, resource } = create
    if (device === undefined || 'device' in resource) return []
    const [patient, ...others] = subjectsOf(writing.registry, resource)
    return patient === undefined || others.length > 0 ? [] : [{ create, patient, device }]
  })
  if (asking.length === 0) return new Map()
  const numbers = await patientNumbers(connection, writing, asking)
  return new Map(
    asking.flatMap(one => {
      const patientId = numbers.get(one.patient)
      return patientId === undefined ? [] : [[one.create, { ...one, patientId, key: keyOf(one) }] as const]
    }),
  )
}

/** Patients who have no number yet get one, if something of theirs may be stored. */
const patientNumbers = async (
  connection: Connection,
  writing: Writing,
  asking: readonly { readonly create: Create; readonly patient: string }[],
): Promise<ReadonlyMap<string, number>> => {
  const { patients } = writing.dictionary
  const found = await patients.find(asking.map(({ patient }) => patient))
  const others = asking.filter(({ patient }) => !found.has(patient))
  if (others.length === 0) return found
  const creates = others.map(({ create }) => create)
  await numberAllowed(connection, writing, await candidatesOf(connection, writing, creates), 'c')
  return patients.find(asking.map(({ patient }) => patient))
}

/** A unique device identifier, or a serial number of a manufacturer, means one device, however else it is described. */
const keyOf = ({ patient, device }: Pick<Described, 'patient' | 'device'>): string => {
  const { udi, serial, manufacturer, model, name } = device
  const said =
    udi !== undefined
      ? ['udi', udi]
      : serial !== undefined
        ? ['serial', serial, lower(manufacturer)]
        : ['model', ...[manufacturer, model, name].map(lower)]
  return uuidIn(hash('sha256', JSON.stringify([patient, ...said])))
}

const lower = (text: string | undefined): string | null => text?.toLowerCase() ?? null

/** Records which kinds of data the described devices have measured. */
export const recordMeasured = async (
  connection: Connection,
  candidates: readonly { readonly create: Create; readonly candidate: Candidate }[],
): Promise<void> => {
  const measured = candidates.flatMap(({ create: { device }, candidate: { patientId, facts, resource } }) => {
    const id = /^Device\/(.+)$/.exec((resource as Observation).device?.reference ?? '')?.[1]
    return device === undefined || id === undefined || facts === undefined
      ? []
      : [{ patientId, id, kindId: facts.kindId }]
  })
  const once = [...new Map(measured.map(one => [JSON.stringify(one), one])).values()]
  if (once.length === 0) return
  await connection.later(sql.fragment`
    INSERT INTO upload_device_kind (patient_id, id, kind_id)
    SELECT patient_id, id, kind_id
    FROM unnest(
      ${columnOf(once, ({ patientId }) => patientId, 'int4')},
      ${columnOf(once, ({ id }) => id, 'text')},
      ${columnOf(once, ({ kindId }) => kindId, 'int4')}) AS measured(patient_id, id, kind_id)
    WHERE EXISTS (
      SELECT FROM upload_device WHERE upload_device.patient_id = measured.patient_id AND upload_device.id = measured.id AND is_made)
    ORDER BY patient_id, id, kind_id
    ON CONFLICT DO NOTHING`)
}
