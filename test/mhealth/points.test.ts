import t from 'tap'
import { atOnce } from '../../src/fhir/give-way.ts'
import { pointsOf } from '../../src/mhealth/points.ts'
import { heartRate, mhealth, upload } from './upload.ts'

const series = {
  resourceType: 'Observation',
  id: 'series',
  meta: {
    versionId: '3',
    lastUpdated: '2026-03-02T00:00:00Z',
    profile: ['https://example.org/series'],
    security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }],
    tag: [{ system: 'https://example.org', code: 'series' }],
  },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">two</div>' },
  extension: [
    { url: 'https://example.org/kept', valueBoolean: true },
    { url: 'https://sharewell.dev/fhir/StructureDefinition/document-repair', extension: [] },
  ],
  identifier: [{ value: '1' }],
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: 'Patient/ann' },
  effectivePeriod: { start: '2026-03-01T07:30:00+01:00', end: '2026-03-01T07:31:00+01:00' },
  device: { reference: 'Device/belt' },
  hasMember: [{ reference: 'Observation/other' }],
  derivedFrom: [{ reference: 'Observation/other' }],
  valueSampledData: {
    origin: { value: 0, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
    period: 60_000,
    dimensions: 1,
    data: '60 71',
  },
}

const pointOf = (effectiveDateTime: string, value: number) => ({
  meta: { security: series.meta.security },
  resourceType: 'Observation',
  status: 'final',
  code: series.code,
  subject: series.subject,
  device: series.device,
  effectiveDateTime,
  valueQuantity: { value, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
  extension: [{ url: 'https://example.org/kept', valueBoolean: true }],
  derivedFrom: [{ reference: 'Observation/series' }],
})

t.test('a point has the labels of the whole Observation, and nothing that only applies to the whole', async t => {
  const points = atOnce(pointsOf(mhealth, series))
  t.strictSame(
    points.map(({ start }) => start),
    [Date.parse('2026-03-01T06:30:00Z'), Date.parse('2026-03-01T06:31:00Z')],
  )
  t.same(
    points.map(point => JSON.parse(JSON.stringify(point.toObservation()))),
    [pointOf('2026-03-01T07:30:00+01:00', 60), pointOf('2026-03-01T07:31:00+01:00', 71)],
  )
})

t.test('a point of an Observation without labels or extensions has none', async t => {
  const { meta: _, extension: __, ...plain } = series
  const [first] = atOnce(pointsOf(mhealth, plain))
  const { meta: ___, extension: ____, ...expected } = pointOf('2026-03-01T07:30:00+01:00', 60)
  t.strictSame(JSON.parse(JSON.stringify(first?.toObservation())), expected)
})

t.test('others have their turn while the points of a long series are found', async t => {
  const { header, body } = heartRate(64)
  const steps = pointsOf(mhealth, { ...upload({ header, body: Array(5000).fill(body) }) })
  let turns = 0
  let step = steps.next()
  for (; !step.done; step = steps.next()) turns += 1
  t.equal(step.value.length, 5000)
  t.ok(turns > 5000, `${turns} turns`)
})
