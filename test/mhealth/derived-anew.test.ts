import t from 'tap'
import { atOnce } from '../../src/fhir/give-way.ts'
import { parseJson } from '../../src/fhir/json.ts'
import { bodySchemas } from '../../src/mhealth/schema/table.ts'
import { sampleBody } from '../support/sample-body.ts'
import { at, heartRate, mhealth, point, receive, upload } from './upload.ts'

/** As it is stored, and read again. */
// biome-ignore lint/suspicious/noExplicitAny: tests write into any part of it
const stored = (document: unknown, more: Record<string, unknown> = {}): any =>
  parseJson(receive(upload(document, more)).text)
const derivedAnew = (observation: unknown) => {
  const derived = atOnce(mhealth.derivedAnew(observation))
  return derived === undefined ? undefined : JSON.parse(JSON.stringify(derived))
}

t.test(
  'as long as the derivation is the same, nothing of what is stored changes, for every schema in every version',
  async t => {
    for (const row of bodySchemas)
      for (const version of row.versions) {
        const document = point(`${row.name}:${version}`, sampleBody(row, version))
        t.equal(derivedAnew(stored(document)), undefined, `${row.name}:${version}`)
      }
  },
)

t.test('nor does anything of a document that was repaired, of a series, or of a schema that nobody knows', async t => {
  const pulse = (unit: string, second: string) => ({
    heart_rate: { value: 61, unit },
    effective_time_frame: { date_time: `2026-03-01T07:30:${second}+01:00` },
  })
  for (const document of [
    { ...heartRate(), body: pulse('bpm', '00') },
    { ...heartRate(), body: [pulse('bpm', '00'), pulse('beats/min', '05'), pulse('bpm', '15')] },
    { ...heartRate(), body: Array(150).fill(pulse('bpm', '00')) },
    point('x-vendor:mood:1.0', { mood: 'good' }),
  ])
    t.equal(derivedAnew(stored(document)), undefined)
})

t.test(
  'a value and a time that contradict the document are what an earlier derivation made of it, and are replaced',
  async t => {
    const right = stored(heartRate(64))
    const { valueQuantity, effectiveDateTime, ...rest } = right
    const wrong = {
      ...rest,
      valueQuantity: { ...valueQuantity, unit: 'beats/h', code: '/h' },
      effectivePeriod: { start: '2026-02-01T07:30:00Z', end: '2026-02-01T07:31:00Z' },
    }
    t.strictSame(derivedAnew(wrong), JSON.parse(JSON.stringify(right)))
  },
)

t.test('so is a component, and no other', async t => {
  const pressure = (value: number) => ({ value, unit: 'mmHg' })
  const body = {
    systolic_blood_pressure: pressure(120),
    diastolic_blood_pressure: pressure(80),
    effective_time_frame: at,
  }
  const beside = { code: { text: 'Cuff' }, valueString: 'large' }
  const right = stored(point('omh:blood-pressure:4.0', body), { component: [beside] })
  const wrong = {
    ...right,
    component: right.component.map((one: { valueQuantity?: object }) =>
      one.valueQuantity === undefined
        ? one
        : { ...one, valueQuantity: { ...one.valueQuantity, code: 'kPa', unit: 'kPa' } },
    ),
  }
  t.strictSame(derivedAnew(wrong), JSON.parse(JSON.stringify(right)))
})

t.test(
  'what the document says and an earlier derivation did not is added, and what agrees stays as its sender wrote it',
  async t => {
    const own = { valueQuantity: { value: 64, unit: '/min' }, note: [{ text: 'At rest' }] }
    const right = stored(heartRate(64), own)
    const { issued, ...less } = right
    const before = {
      ...less,
      code: { coding: right.code.coding.filter(({ system }: { system: string }) => system !== 'http://loinc.org') },
    }
    const derived = derivedAnew(before)
    t.same(derived, JSON.parse(JSON.stringify(right)))
    t.match(derived, own)
  },
)

t.test('what has no document stays, and so does what was entered in error', async t => {
  const wrong = { ...stored(heartRate(64)), valueQuantity: { value: 1 } }
  t.not(derivedAnew(wrong), undefined)
  t.equal(derivedAnew({ ...wrong, status: 'entered-in-error' }), undefined)
  t.equal(
    derivedAnew({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, valueInteger: 1 }),
    undefined,
  )
})
