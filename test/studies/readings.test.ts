import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { rowsOf } from '../../src/studies/readings.ts'

const code = { coding: [{ system: 'http://loinc.org', code: '85354-9', display: 'Blood pressure' }] }
const observation = (more: Partial<Observation>): Observation => ({
  resourceType: 'Observation',
  id: 'one',
  status: 'final',
  code,
  subject: { reference: 'Patient/ann' },
  ...more,
})
const facts = { id: 'one', patient: 'ann', start: '', end: '', source: '', status: 'final' }
const own = { code: 'http://loinc.org|85354-9', name: 'Blood pressure' }

t.test('a reading is a row, with its number and unit', async t => {
  const device = { reference: 'Device/cuff' }
  const period = { start: '2026-03-01T22:00:00Z', end: '2026-03-02T06:00:00Z' }
  t.same(rowsOf(observation({ device, effectivePeriod: period, valueQuantity: { value: 1.5, code: 'h' } })), [
    { ...facts, ...own, ...period, source: 'Device/cuff', value: 1.5, unit: 'h' },
  ])
})

t.test('one of several numbers is a row for each', async t => {
  const part = (name: string, value: number) => ({ code: { text: name }, valueQuantity: { value, unit: 'mmHg' } })
  t.same(rowsOf(observation({ component: [part('systolic', 120), part('diastolic', 80)] })), [
    { ...facts, code: '', name: 'systolic', value: 120, unit: 'mmHg' },
    { ...facts, code: '', name: 'diastolic', value: 80, unit: 'mmHg' },
  ])
})

t.test('what is no number is its text, and what has no value has a row all the same', async t => {
  for (const [more, value] of [
    [{ valueString: 'well' }, 'well'],
    [{ valueInteger: 3 }, 3],
    [{ valueBoolean: false }, 'false'],
    [{ valueCodeableConcept: { text: 'Walking' } }, 'Walking'],
    [{}, ''],
  ] as const)
    t.same(rowsOf(observation(more)), [{ ...facts, ...own, value, unit: '' }])
})
