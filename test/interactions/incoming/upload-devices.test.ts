import type { Device, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions, standardExtensions } from '../../../src/fhir/canonical.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { point, upload } from '../../mhealth/upload.ts'
import { openStudies } from '../../support/study.ts'

const {
  server,
  database,
  token,
  send,
  create,
  institution,
  study,
  participant,
  patientToken,
  staffToken,
  administrator,
} = await openStudies()
t.teardown(() => server.close())
const { organization, manager } = await institution('lab')
const kinds = ['omh:blood-glucose']
const sugar = await study(manager, organization, 'Sugar', kinds)
const ann = await participant(manager, organization, sugar.id, kinds, 'Ann')
const ben = await participant(manager, organization, sugar.id, kinds, 'Ben')
const [annsApp, bensApp] = [await patientToken(ann, 'patient/*.cruds'), await patientToken(ben, 'patient/*.cruds')]
const researcher = await staffToken(sugar.researcher, 'user/Device.rs user/Observation.rs')
const source = (more: Partial<Device>) =>
  create<Device>(administrator, {
    resourceType: 'Device',
    manufacturer: 'Acme',
    deviceName: [{ name: 'Sugar 3', type: 'model-name' }],
    ...more,
  })
const acme = await source({})
await source({ deviceName: [{ name: 'Pulse 1', type: 'model-name' }] })

let count = 0
/** Of a new document each time, of a device that it describes. */
const header = (datasheets: Readonly<Record<string, string>>) => ({
  uuid: `0a6f3c1e-5b7d-4c2a-9e8f-00000000${String(++count).padStart(4, '0')}`,
  external_datasheets: Object.entries(datasheets).map(([datasheet_type, datasheet_reference]) => ({
    datasheet_type,
    datasheet_reference,
  })),
})
const measured = (patient: string, datasheets: Readonly<Record<string, string>>, more: object = {}) => {
  const described = header(datasheets)
  const body = {
    blood_glucose: { value: 80 + count, unit: 'mg/dL' },
    effective_time_frame: { date_time: new Date(Date.UTC(2026, 2, 1, 0, count)).toISOString() },
  }
  const { device: _, ...sent } = upload(point('omh:blood-glucose:4.0', body, described))
  return { ...sent, subject: { reference: `Patient/${patient}` }, ...more }
}
const meter = { manufacturer: 'ACME', device: 'Sugar 3', serial_number: 'S-1' }
const post = async (bearer: string, observation: object): Promise<Observation> => {
  const answer = await send(bearer, 'POST', 'Observation', observation)
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json()
}
/** Ids of Devices with a patient that the caller may search. */
const devicesOf = async (bearer: string): Promise<readonly string[]> => {
  const { entry = [] } = (await send(bearer, 'GET', 'Device?_count=100')).json()
  return entry.flatMap(({ resource }: { resource: Device }) => (resource.patient ? resource.id : []))
}

t.test('the device that a header describes is created, with its source, and shown', async t => {
  const { device } = await post(annsApp, measured(ann, meter))
  t.equal(device?.display, 'ACME Sugar 3')
  const { id, meta: _, ...made } = (await send(annsApp, 'GET', device?.reference ?? '')).json()
  t.strictSame(made, {
    resourceType: 'Device',
    status: 'active',
    manufacturer: 'ACME',
    serialNumber: 'S-1',
    deviceName: [{ name: 'ACME Sugar 3', type: 'user-friendly-name' }],
    modelNumber: 'Sugar 3',
    patient: { reference: `Patient/${ann}` },
    parent: { reference: `Device/${acme.id}` },
  })
  t.strictSame(await devicesOf(annsApp), [id])
  t.equal((await post(annsApp, measured(ann, meter))).device?.reference, `Device/${id}`, 'it is found again')
})

t.test('the app that passed it on is its gateway', async t => {
  await registerClient(database, { id: 'sugar-app', name: 'Sugar', policies: [] })
  const app = await token({
    client: 'sugar-app',
    subject: { kind: 'patient', patient: ann },
    scope: 'patient/Observation.c',
  })
  const { extension } = await post(app, measured(ann, { manufacturer: 'Acme', serial: 'S-4' }))
  t.strictSame(
    extension?.find(({ url }) => url === standardExtensions.gatewayDevice),
    {
      url: 'http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice',
      valueReference: {
        type: 'Device',
        identifier: { system: 'https://sharewell.dev/fhir/client', value: 'sugar-app' },
      },
    },
  )
})

t.test('fifty uploads of one device at once create one', async t => {
  const before = await devicesOf(annsApp)
  const made = await Promise.all(
    Array.from({ length: 50 }, () => post(annsApp, measured(ann, { manufacturer: 'Acme', udi: '(01)0950' }))),
  )
  t.equal(new Set(made.map(({ device }) => device?.reference)).size, 1)
  t.equal((await devicesOf(annsApp)).length, before.length + 1)
})

t.test('a device that is only known by its identifier has no name', async t => {
  const { device } = await post(annsApp, measured(ann, { udi: '(01)0951' }))
  t.strictSame(Object.keys(device ?? {}), ['reference'])
})

t.test('each patient has a device of their own, and sees no other', async t => {
  const { device } = await post(bensApp, measured(ben, meter))
  t.strictSame(await devicesOf(bensApp), [device?.reference?.slice('Device/'.length)])
  t.notOk((await devicesOf(annsApp)).includes(device?.reference?.slice('Device/'.length) ?? ''))
  t.equal((await send(annsApp, 'GET', device?.reference ?? '')).statusCode, 404)
})

t.test('somebody who may not upload for a patient leaves no device', async t => {
  const before = await devicesOf(annsApp)
  const answer = await send(bensApp, 'POST', 'Observation', measured(ann, { manufacturer: 'Stranger', serial: 'X' }))
  t.equal(answer.statusCode, 403)
  t.strictSame(await devicesOf(annsApp), before)
})

t.test('a device that the app has registered is found by its serial number', async t => {
  const own = await create<Device>(annsApp, {
    resourceType: 'Device',
    patient: { reference: `Patient/${ann}` },
    manufacturer: 'Acme',
    serialNumber: 'S-2',
  })
  const { device } = await post(annsApp, measured(ann, { manufacturer: 'acme', serial: 'S-2' }))
  t.equal(device?.reference, `Device/${own.id}`)
})

t.test('a device of another manufacturer with the same serial number is another one', async t => {
  const own = await create<Device>(annsApp, {
    resourceType: 'Device',
    patient: { reference: `Patient/${ann}` },
    manufacturer: 'Acme',
    serialNumber: 'S-3',
  })
  const { device } = await post(annsApp, measured(ann, { manufacturer: 'Other', serial: 'S-3' }))
  t.not(device?.reference, `Device/${own.id}`)
})

t.test('of two records of one human, each has its own device of one identifier', async t => {
  const mine = await participant(manager, organization, sugar.id, kinds, 'Una')
  const managingOrganization = { reference: `Organization/${organization}` }
  const { id: other } = await create(manager, { resourceType: 'Patient', managingOrganization })
  const link = [mine, other].map(id => ({ target: { reference: `Patient/${id}` } }))
  await create('everything', { resourceType: 'Person', link })
  const udi = '(01)0777'
  const own = await create<Device>(await patientToken(other, 'patient/*.cruds'), {
    resourceType: 'Device',
    udiCarrier: [{ carrierHRF: udi }],
    patient: { reference: `Patient/${other}` },
  })
  const app = await patientToken(mine, 'patient/*.cruds')
  const [first, second] = [await post(app, measured(mine, { udi })), await post(app, measured(other, { udi }))]
  t.equal(second.device?.reference, `Device/${own.id}`)
  const made = (await send(app, 'GET', first.device?.reference ?? '')).json()
  t.match(made, { patient: { reference: `Patient/${mine}` }, udiCarrier: [{ carrierHRF: udi }] })
})

t.test('what a device measures comes from a source only if exactly one fits what the header says of it', async t => {
  const sourceOf = async (datasheets: Readonly<Record<string, string>>) => {
    const { device } = await post(annsApp, measured(ann, datasheets))
    const made: Device = (await send(annsApp, 'GET', device?.reference ?? '')).json()
    return made.parent?.reference
  }
  const named = (name: string) => ({ deviceName: [{ name, type: 'model-name' as const }] })
  for (const name of ['One', 'Two']) await source({ manufacturer: 'Pair', ...named(name) })
  const whole = await create<Device>(administrator, { resourceType: 'Device', manufacturer: 'Whole' })
  t.equal(await sourceOf({ manufacturer: 'Pair', serial: 'S-6' }), undefined, 'one of two')
  t.equal(await sourceOf({ manufacturer: 'Pair', device: 'Three', serial: 'S-7' }), undefined, 'another model')
  t.equal(
    await sourceOf({ manufacturer: 'Whole', device: 'Any', serial: 'S-8' }),
    `Device/${whole.id}`,
    'all of a maker',
  )
})

t.test('a manufacturer with letters whose case depends on what stands around is the same in any case', async t => {
  const maker = await source({ manufacturer: 'İLKO ΙΑΤΡΟΣ', deviceName: [{ name: 'ΣΦΥΓΜΟΣ', type: 'model-name' }] })
  const { id } = await create<Device>(annsApp, {
    resourceType: 'Device',
    patient: { reference: `Patient/${ann}` },
    manufacturer: 'İLKO ΙΑΤΡΟΣ',
    serialNumber: 'S-5',
  })
  for (const manufacturer of ['İLKO ΙΑΤΡΟΣ', 'ilko ιατρος']) {
    const { device } = await post(annsApp, measured(ann, { manufacturer, serial: 'S-5' }))
    t.equal(device?.reference, `Device/${id}`, manufacturer)
  }
  const { device } = await post(annsApp, measured(ann, { manufacturer: 'İLKO ΙΑΤΡΟΣ', device: 'σφυγμος' }))
  const made = (await send(annsApp, 'GET', device?.reference ?? '')).json()
  t.equal(made.parent?.reference, `Device/${maker.id}`)
})

t.test(
  'a header with characters that FHIR cannot have is no reason to refuse a measurement, or to make an invalid Device',
  async t => {
    for (const model of ['Sugar\u0000 4', 'Sugar\u001f 4', 'Sugar\ud83d 4']) {
      const { device } = await post(annsApp, measured(ann, { manufacturer: 'Acme', model }))
      const made = (await send(annsApp, 'GET', device?.reference ?? '')).json()
      const { statusCode } = await send(annsApp, 'PUT', device?.reference ?? '', made)
      t.equal(statusCode, 200, JSON.stringify(model))
    }
  },
)

t.test('a device that the app names is kept', async t => {
  const before = await devicesOf(annsApp)
  const device = { display: 'my meter' }
  t.strictSame((await post(annsApp, measured(ann, meter, { device }))).device, device)
  t.strictSame(await devicesOf(annsApp), before)
})

t.test('what people report has no device', async t => {
  const { valueAttachment, ...rest } = measured(ann, meter)
  const document = JSON.parse(Buffer.from(valueAttachment.data, 'base64').toString())
  document.header.modality = 'self-reported'
  const data = Buffer.from(JSON.stringify(document)).toString('base64')
  t.equal((await post(annsApp, { ...rest, valueAttachment: { ...valueAttachment, data } })).device, undefined)
})

t.test('staff see the devices that measured what they are given, and no others', async t => {
  const before = await devicesOf(researcher)
  const heartRate = async (datasheets: Readonly<Record<string, string>>) => {
    const effective_time_frame = { date_time: '2026-03-01T07:00:00Z' }
    const body = { heart_rate: { value: 60, unit: 'beats/min' }, effective_time_frame }
    const heart = point('omh:heart-rate:2.0', body, header(datasheets))
    const { device: _, ...sent } = upload(heart, { subject: { reference: `Patient/${ann}` } })
    return (await post('everything', sent)).device?.reference ?? ''
  }
  const watch = await heartRate({ manufacturer: 'Watchmaker' })
  t.equal((await send(annsApp, 'GET', watch)).statusCode, 200)
  t.equal((await send(researcher, 'GET', watch)).statusCode, 404)
  t.strictSame(await devicesOf(researcher), before)
  t.ok(before.length >= 3, 'the meters are among them')
  const { id } = await create<Device>(annsApp, {
    resourceType: 'Device',
    patient: { reference: `Patient/${ann}` },
    manufacturer: 'Watchmaker',
    serialNumber: 'S-6',
  })
  t.equal((await send(researcher, 'GET', `Device/${id}`)).statusCode, 200, 'one that the app has registered they see')
  t.equal(await heartRate({ manufacturer: 'Watchmaker', serial: 'S-6' }), `Device/${id}`)
  t.equal((await send(researcher, 'GET', `Device/${id}`)).statusCode, 200, 'whatever it measures')
})

t.test('a source that only the header names is as strict', async t => {
  const extension = [{ url: extensions.validationPolicy, valueCode: 'strict' }]
  await source({ manufacturer: 'Precise', deviceName: [{ name: 'P', type: 'model-name' }], extension })
  const { valueAttachment, ...rest } = measured(ann, { manufacturer: 'Precise' })
  const text = Buffer.from(valueAttachment.data, 'base64').toString().replace('mg/dL', 'MGDL')
  const sent = { ...rest, valueAttachment: { ...valueAttachment, data: Buffer.from(text).toString('base64') } }
  t.equal((await send(annsApp, 'POST', 'Observation', sent)).statusCode, 422)
})

t.test('a device that its patient has deleted is created again when it measures again', async t => {
  const { device } = await post(annsApp, measured(ann, { manufacturer: 'Acme', serial: 'S-3' }))
  await server.inject({
    method: 'DELETE',
    url: `/fhir/${device?.reference}`,
    headers: { authorization: `Bearer ${annsApp}` },
  })
  const again = await post(annsApp, measured(ann, { manufacturer: 'Acme', serial: 'S-3' }))
  t.not(again.device?.reference, device?.reference)
  t.equal((await send(annsApp, 'GET', again.device?.reference ?? '')).statusCode, 200)
})
