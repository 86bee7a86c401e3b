import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { nameOf } from '../../../src/web/study/study-person.ts'

t.test('somebody in a study is called by name, else by code, and else by what the reader knows of them', async t => {
  const patient: Patient = { resourceType: 'Patient', name: [{ given: ['Ana'], family: 'Castillo' }] }
  t.equal(nameOf({ patient, codes: ['K4T7'] }), 'Ana Castillo')
  t.equal(nameOf({ codes: ['K4T7', 'P9'] }), 'K4T7, P9')
  t.equal(nameOf({ patient: { resourceType: 'Patient' }, codes: ['K4T7'] }), 'K4T7')
  t.equal(nameOf({ patient: { resourceType: 'Patient' }, codes: [] }), 'Somebody without a name')
  t.equal(nameOf({ codes: [] }), 'Somebody whose name you may not see')
})
