import t from 'tap'
import { observationFromR5 } from '../../../src/faces/r5/from-r5.ts'
import { toR5 } from '../../../src/faces/r5/resource.ts'
import { standardExtensions, systems } from '../../../src/fhir/canonical.ts'

const document = {
  url: standardExtensions.observationValue,
  valueAttachment: { contentType: 'application/json', data: 'e30=', size: 2 },
}
const loinc = { system: systems.loinc, code: '8867-4' }
const schema = { system: systems.omh, code: 'omh:heart-rate:2.0' }
const ieee = { system: systems.ieee, code: 'ieee:sleep-stage-summary:1.0' }
const sampled = { origin: { value: 0 }, period: 300000, dimensions: 1, data: '1 2' }
const { period: _, ...inR5 } = sampled

const rows: readonly (readonly [name: string, r4: object, r5: object])[] = [
  [
    'an Observation with a document has it as its value, the schema as its first code, and no profile of what was derived',
    {
      resourceType: 'Observation',
      meta: { versionId: '1', profile: ['http://hl7.org/fhir/StructureDefinition/heartrate'] },
      extension: [document, { url: 'http://example.org/other', valueCode: 'x' }],
      status: 'final',
      code: { coding: [loinc, schema] },
      valueQuantity: { value: 60 },
    },
    {
      resourceType: 'Observation',
      status: 'final',
      meta: { versionId: '1' },
      extension: [{ url: 'http://example.org/other', valueCode: 'x' }],
      code: { coding: [schema, loinc] },
      valueAttachment: { contentType: 'application/json', data: 'e30=', size: '2' },
    },
  ],
  [
    'an Observation without a document keeps its value, and a series says its interval as R5 does',
    {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [loinc, schema] },
      valueSampledData: sampled,
      component: [{ code: { text: 'x' }, valueQuantity: { value: 1 } }],
    },
    {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [loinc, schema] },
      valueSampledData: {
        origin: { value: 0 },
        dimensions: 1,
        data: '1 2',
        interval: 300000,
        intervalUnit: 'ms',
      },
      component: [{ code: { text: 'x' }, valueQuantity: { value: 1 } }],
    },
  ],
  [
    'a document of IEEE is recognized like one of Open mHealth, and series among the components say their interval too',
    {
      resourceType: 'Observation',
      extension: [document],
      status: 'final',
      code: { coding: [loinc, ieee] },
      component: [{ code: { text: 'x' }, valueSampledData: sampled }],
    },
    {
      resourceType: 'Observation',
      status: 'final',
      meta: {},
      code: { coding: [ieee, loinc] },
      valueAttachment: { contentType: 'application/json', data: 'e30=', size: '2' },
      component: [{ code: { text: 'x' }, valueSampledData: { ...inR5, interval: 300000, intervalUnit: 'ms' } }],
    },
  ],
  [
    'an attachment that is not its document is not taken for its value, nor is anything else that is said to be that',
    {
      resourceType: 'Observation',
      extension: [
        { url: 'http://example.org/scan', valueAttachment: { title: 'x' } },
        { url: standardExtensions.observationValue, valueString: 'x' },
      ],
      status: 'final',
      code: loinc,
      valueQuantity: { value: 60 },
    },
    {
      resourceType: 'Observation',
      status: 'final',
      extension: [
        { url: 'http://example.org/scan', valueAttachment: { title: 'x' } },
        { url: standardExtensions.observationValue, valueString: 'x' },
      ],
      code: loinc,
      valueQuantity: { value: 60 },
    },
  ],
  [
    'a Patient says how large their picture is as R5 does, in a text',
    { resourceType: 'Patient', photo: [{ title: 'x', size: 0 }, { title: 'y' }] },
    { resourceType: 'Patient', photo: [{ title: 'x', size: '0' }, { title: 'y' }] },
  ],
  [
    'a Group says how it is made up',
    { resourceType: 'Group', type: 'person', actual: true, member: [] },
    { resourceType: 'Group', type: 'person', membership: 'enumerated', member: [] },
  ],
  [
    'a Device has its names and types as lists, and leaves out what R5 does not have',
    {
      resourceType: 'Device',
      id: '1',
      status: 'unknown',
      deviceName: [{ name: 'Cuff', type: 'model-name' }],
      type: { text: 'cuff' },
      patient: { reference: 'Patient/1' },
      udiCarrier: [{ deviceIdentifier: 'x' }],
    },
    {
      resourceType: 'Device',
      id: '1',
      name: [{ value: 'Cuff', type: 'registered-name' }],
      type: [{ text: 'cuff' }],
    },
  ],
  [
    'a Device keeps its status, and of its barcodes those that R5 takes',
    {
      resourceType: 'Device',
      status: 'inactive',
      serialNumber: '1',
      udiCarrier: [{ issuer: 'http://hl7.org/fhir/NamingSystem/gs1', deviceIdentifier: 'x' }, { issuer: 'y' }],
    },
    {
      resourceType: 'Device',
      serialNumber: '1',
      status: 'inactive',
      udiCarrier: [{ issuer: 'http://hl7.org/fhir/NamingSystem/gs1', deviceIdentifier: 'x' }],
    },
  ],
  [
    'an Organization is reached by its contacts',
    {
      resourceType: 'Organization',
      telecom: [{ value: '1' }],
      address: [{ city: 'A' }, { city: 'B' }],
      contact: [{ name: { family: 'X' } }],
    },
    {
      resourceType: 'Organization',
      contact: [
        { telecom: [{ value: '1' }], address: { city: 'A' } },
        { address: { city: 'B' } },
        { name: [{ family: 'X' }] },
      ],
    },
  ],
  [
    'a Practitioner speaks languages, and has a picture',
    { resourceType: 'Practitioner', communication: [{ text: 'German' }], photo: [{ size: 1 }] },
    { resourceType: 'Practitioner', communication: [{ language: { text: 'German' } }], photo: [{ size: '1' }] },
  ],
  [
    'what a Bundle or a resource holds is translated too, and a Patient is the same',
    {
      resourceType: 'Bundle',
      entry: [
        { resource: { resourceType: 'Patient', contained: [{ resourceType: 'Group', actual: false }] } },
        { response: { status: '204' } },
      ],
    },
    {
      resourceType: 'Bundle',
      entry: [
        { resource: { resourceType: 'Patient', contained: [{ resourceType: 'Group', membership: 'definitional' }] } },
        { response: { status: '204' } },
      ],
    },
  ],
]

for (const [name, r4, r5] of rows) {
  t.test(name, async t => t.strictSame(toR5({ ...r4 }), r5))
}

t.test('a series that comes in has its interval in milliseconds, whatever it was said in', async t => {
  const { period, ...rest } = sampled
  const said = (interval: unknown, intervalUnit?: string) => ({
    resourceType: 'Observation',
    valueSampledData: { ...rest, interval, intervalUnit },
    component: [{ code: { text: 'x' }, valueSampledData: { ...rest, interval, intervalUnit } }],
  })
  const periodOf = (observation: object) => {
    const { valueSampledData, component } = observationFromR5(observation) as ReturnType<typeof said>
    return [valueSampledData, component[0]?.valueSampledData]
  }
  const rows = [
    [300000, 'ms', 300000],
    [300, 's', 300000],
    [0.5, 's', 500],
    [5, 'min', 300000],
    [2000, 'us', 2],
  ] as const
  for (const [interval, unit, ms] of rows)
    t.strictSame(periodOf(said(interval, unit)), Array(2).fill({ ...rest, period: ms }), `${interval} ${unit}`)
  for (const unit of ['m', 'seconds', undefined])
    t.throws(() => observationFromR5(said(1, unit)), /is none that R4 has; accepted: a UCUM unit of time/)
  const back = { resourceType: 'Observation', valueSampledData: sampled }
  t.strictSame(observationFromR5(toR5(back)), back, 'what was read is written as it was')
  for (const one of [undefined, [], { resourceType: 'Observation', valueString: 'x' }])
    t.strictSame(observationFromR5(one), one)
})

t.test('a series whose points have times of their own says them as R5 does, and comes back so', async t => {
  const { period: _, ...rest } = sampled
  const r5 = { resourceType: 'Observation', valueSampledData: { ...rest, offsets: '0 812.5', intervalUnit: 'ms' } }
  const extension = [{ url: standardExtensions.sampledDataOffsets, valueString: '0 812.5' }]
  const r4 = { resourceType: 'Observation', valueSampledData: { ...rest, period: 813, extension } }
  t.strictSame(observationFromR5(r5), r4)
  t.strictSame(toR5(r4), r5)
  const inSeconds = {
    resourceType: 'Observation',
    valueSampledData: { ...rest, offsets: '0 0.8125', intervalUnit: 's' },
  }
  t.strictSame(observationFromR5(inSeconds), r4)
  for (const [offsets, period] of [
    ['100 300 700', 300],
    ['5', 1],
    ['5 5', 1],
  ] as const) {
    const extension = [
      { url: 'http://example.org/lead', valueString: 'II' },
      { url: standardExtensions.sampledDataOffsets, valueString: offsets },
    ]
    const sent = { ...rest, extension: [extension[0]], offsets, intervalUnit: 'ms' }
    t.strictSame(
      observationFromR5({ resourceType: 'Observation', valueSampledData: sent, component: ['x'] }),
      { resourceType: 'Observation', valueSampledData: { ...rest, extension, period }, component: ['x'] },
      `${offsets}: the period is the mean between them, and other extensions stay`,
    )
  }
  for (const offsets of ['', '0 soon', '0  1'])
    t.throws(
      () =>
        observationFromR5({ resourceType: 'Observation', valueSampledData: { ...rest, offsets, intervalUnit: 'ms' } }),
      /is none that R4 has/,
    )
})
