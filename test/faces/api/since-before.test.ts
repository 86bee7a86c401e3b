import type { Consent, ConsentProvision } from '@medplum/fhirtypes'
import t from 'tap'
import { sinceBefore } from '../../../src/faces/api/since-before.ts'

const signed = '2026-01-01T00:00:00Z'
const heartRate: ConsentProvision = {
  type: 'permit',
  code: [{ coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate' }] }],
}
const ofType = (...types: readonly string[]): ConsentProvision => ({
  type: 'permit',
  class: types.map(code => ({ system: 'http://hl7.org/fhir/resource-types', code })),
})
const since = (provision: ConsentProvision): ConsentProvision => ({ ...provision, dataPeriod: { start: signed } })
const laterOf = (provision: readonly ConsentProvision[], more: Partial<Consent> = {}) =>
  sinceBefore({ dateTime: signed, provision: { type: 'deny', provision: [...provision] }, ...more } as Consent)

t.test('what was given from the moment of signing goes on from that moment', async t => {
  t.same(laterOf([heartRate, ofType('Condition')]), [since(heartRate), since(ofType('Condition'))])
  const ending = { ...heartRate, dataPeriod: { end: '2027-01-01' } }
  t.same(laterOf([ending]), [{ ...heartRate, dataPeriod: { start: signed, end: '2027-01-01' } }])
})

t.test('what was given from an earlier or a later day goes on from that day', async t => {
  for (const start of ['2025-06-01', '2026-06-01']) {
    const chosen = { ...heartRate, dataPeriod: { start } }
    t.same(laterOf([chosen]), [chosen])
    t.same(laterOf([heartRate], { provision: { dataPeriod: { start }, provision: [heartRate] } }), [heartRate])
  }
})

t.test('what has no time gets no beginning, since it would not be given at all then', async t => {
  for (const timeless of [ofType('BodyStructure'), ofType('Condition', 'BodyStructure')])
    t.same(laterOf([timeless]), [timeless])
})

t.test('what is denied stays denied whenever it was measured', async t => {
  const denied: ConsentProvision = { ...heartRate, type: 'deny' }
  t.same(laterOf([denied]), [denied])
})

t.test('of a Consent that does not say when it was signed, nothing changes', async t => {
  t.same(sinceBefore({ provision: { provision: [heartRate] } } as Consent), [heartRate])
  t.same(sinceBefore({ dateTime: signed } as Consent), [])
})
