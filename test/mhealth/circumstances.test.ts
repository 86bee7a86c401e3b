import t from 'tap'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { validate } from '../../src/fhir/validate/validate.ts'
import { at, point, receive, upload } from './upload.ts'

const received = (schema: string, body: unknown, more: Record<string, unknown> = {}) =>
  receive(upload(point(schema, body), more)).resource
const registry = loadRegistry()
const element = 'https://sharewell.dev/fhir/CodeSystem/open-mhealth-element'
const snomed = 'http://snomed.info/sct'

const pressures = {
  systolic_blood_pressure: { value: 100, unit: 'mmHg' },
  diastolic_blood_pressure: { value: 60, unit: 'mmHg' },
  effective_time_frame: at,
}

t.test('what people note beside a measurement becomes a note of the Observation', async t => {
  const noteOf = (user_notes: string, more = {}) =>
    received('omh:blood-pressure:1.0', { ...pressures, user_notes }, more).note
  t.strictSame(noteOf('I felt quite dizzy'), [{ text: 'I felt quite dizzy' }])
  t.equal(noteOf(' '), undefined)
  t.equal(noteOf(''), undefined)
  t.strictSame(noteOf('I felt quite dizzy', { note: [{ text: 'Told by phone' }] }), [{ text: 'Told by phone' }])
  t.equal(received('omh:blood-pressure:1.0', pressures).note, undefined)
})

t.test('nothing in a note makes a document refused', async t => {
  const noteOf = (user_notes: unknown) => {
    const { resource } = receive(upload(point('omh:blood-pressure:1.0', { ...pressures, user_notes })))
    t.strictSame(validate(registry, resource), [])
    return resource.note
  }
  t.strictSame(noteOf('dizzy\u000b\u0000\u0007after\tstairs,\r\ntwice\u0085'), [
    { text: 'dizzy   after\tstairs,\r\ntwice ' },
  ])
  t.strictSame(noteOf('half of a pair \ud83d'), [{ text: 'half of a pair \ufffd' }])
  t.equal(noteOf('\u0007'), undefined)
  t.strictSame(noteOf('a'.repeat(1_048_576))?.[0]?.text?.length, 1_048_576)
  t.equal(noteOf('a'.repeat(1_048_577)), undefined)
})

t.test('a specimen without a LOINC code is a component, under either of its names', async t => {
  const componentsOf = (version: string, more: Record<string, unknown>) => {
    const blood_glucose = { value: 90, unit: 'mg/dL' }
    return received(`omh:blood-glucose:${version}`, { blood_glucose, effective_time_frame: at, ...more }).component
  }
  const told = (valueCodeableConcept: unknown) => [
    { code: { coding: [{ system: element, code: 'specimen_source' }] }, valueCodeableConcept },
  ]
  const minimum = { descriptive_statistic: 'minimum' }
  t.strictSame(componentsOf('1.0', { ...minimum, blood_specimen_type: 'plasma' }), told({ text: 'plasma' }))
  t.strictSame(
    componentsOf('4.0', { ...minimum, specimen_source: 'capillary blood' }),
    told({ coding: [{ system: snomed, code: '122554006' }], text: 'capillary blood' }),
  )
  t.equal(componentsOf('1.0', { blood_specimen_type: 'plasma' }), undefined, 'its LOINC code says so')
  t.equal(componentsOf('4.0', minimum), undefined)
})

t.test('supplemental oxygen is described with how it is given', async t => {
  const { component } = received('omh:oxygen-saturation:2.0', {
    oxygen_saturation: { value: 95, unit: '%' },
    effective_time_frame: at,
    supplemental_oxygen_flow_rate: { value: 2.5, unit: 'L/min' },
    oxygen_therapy_mode_of_administration: 'nasal cannula',
  })
  t.strictSame(component, [
    {
      code: { coding: [{ system: 'http://loinc.org', code: '3151-8', display: 'Inhaled oxygen flow rate' }] },
      valueQuantity: { value: 2.5, unit: 'L/min', system: 'http://unitsofmeasure.org', code: 'L/min' },
    },
    {
      code: { coding: [{ system: element, code: 'oxygen_therapy_mode_of_administration' }] },
      valueCodeableConcept: { text: 'nasal cannula' },
    },
  ])
})

t.test('a series has the body site that all its points have', async t => {
  const siteOf = (...places: readonly (string | undefined)[]) =>
    received(
      'omh:body-temperature:4.0',
      places.map((place, index) => ({
        body_temperature: { value: 37, unit: 'C' },
        effective_time_frame: { date_time: `2026-03-01T07:0${index}:00Z` },
        ...(place === undefined ? {} : { measurement_location: place }),
      })),
    ).bodySite
  t.strictSame(siteOf('oral', 'oral'), { text: 'oral' })
  t.equal(siteOf('oral', 'rectal'), undefined)
  t.equal(siteOf('oral', undefined), undefined)
  t.equal(siteOf(undefined, 'oral'), undefined)
})
