import type { Bundle, Device, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { standardExtensions, systems } from '../../src/fhir/canonical.ts'
import { openStudies } from '../support/study.ts'

/** What https://hl7.org/fhir/uv/phd/ has a gateway send, with what docs/apps.md says of it. */
const { server, send, institution, study, participant, patientToken, staffToken } = await openStudies()
t.teardown(() => server.close())
const { organization, manager } = await institution('lab')
const kinds = ['omh:heart-rate']
const hearts = await study(manager, organization, 'Hearts', kinds)
const ann = await participant(manager, organization, hearts.id, kinds, 'Ann')
const app = await patientToken(ann, 'patient/Device.cruds patient/Observation.cruds')

const mdc = 'urn:iso:std:iso:11073:10101'
const loinc = 'http://loinc.org'
const patient = { reference: `Patient/${ann}` }
const [gateway, sensor, clock, reading] = [1, 2, 3, 4].map(one => `urn:uuid:5b7842fe-978d-4182-a41f-0d07a8617bc${one}`)
const identified = (value: string) => [{ system: 'urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680', value }]
const device = (fullUrl: string | undefined, id: string, more: Partial<Device> = { patient }) => ({
  fullUrl,
  resource: {
    resourceType: 'Device',
    identifier: identified(id),
    type: { coding: [{ system: mdc, code: '65573' }] },
    ...more,
  },
  request: { method: 'POST', url: 'Device', ifNoneExist: `identifier=${identified(id)[0]?.system}|${id}` },
})
const measured = (more: object = {}) => ({
  fullUrl: reading,
  resource: {
    resourceType: 'Observation',
    identifier: [{ value: '0400007825-149546-70-20260301T1200' }],
    extension: [{ url: standardExtensions.gatewayDevice, valueReference: { reference: gateway } }],
    status: 'final',
    code: {
      coding: [
        { system: loinc, code: '8867-4' },
        { system: mdc, code: '149546' },
      ],
    },
    subject: patient,
    device: { reference: sensor },
    effectiveDateTime: '2026-03-01T12:00:00Z',
    valueQuantity: { value: 70, system: systems.ucum, code: '/min' },
    ...more,
  },
  request: { method: 'POST', url: 'Observation', ifNoneExist: 'identifier=0400007825-149546-70-20260301T1200' },
})
const uploaded = async (...entry: readonly object[]) => {
  const answer = await send(app, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
  const { entry: answered = [] } = answer.json<Bundle>()
  return { status: answer.statusCode, each: answered.map(({ response }) => response?.status?.slice(0, 3)), answered }
}
const devices = [device(gateway, 'G'), device(sensor, 'S')]

t.test('its Devices and readings are taken in one transaction, and sent again they are there already', async t => {
  t.match(await uploaded(...devices, measured()), { status: 200, each: ['201', '201', '201'] })
  t.match(await uploaded(...devices, measured()), { status: 200, each: ['200', '200', '200'] })
})

t.test('a researcher finds the reading by either code, with the sensor and the gateway', async t => {
  const researcher = await staffToken(hearts.researcher, 'user/Observation.rs')
  for (const code of [`${loinc}|8867-4`, `${mdc}|149546`, 'omh:heart-rate']) {
    const { entry = [] } = (await send(researcher, 'GET', `Observation?code=${code}`)).json<Bundle<Observation>>()
    t.match(
      entry.map(({ resource }) => resource),
      [
        {
          device: { reference: /^Device\// },
          extension: [{ url: standardExtensions.gatewayDevice, valueReference: { reference: /^Device\// } }],
        },
      ],
    )
  }
})

t.test('a Device of nobody, a code that is of no kind, and the clock of a sensor are refused', async t => {
  const time = {
    fullUrl: clock,
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: mdc, code: '67975' }] },
      subject: { reference: sensor },
      valueDateTime: '2026-03-01T12:00:00Z',
    },
    request: { method: 'POST', url: 'Observation' },
  }
  for (const entries of [
    [device(gateway, 'G2', {})],
    [...devices, { ...measured({ code: { coding: [{ system: mdc, code: '149546' }] } }), request: time.request }],
    [...devices, time],
  ])
    t.equal((await uploaded(...entries)).status, 403)
})
