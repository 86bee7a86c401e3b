import t from 'tap'
import { patientLine } from '../../../src/web/patient/patient-search.ts'

t.test('neither a name nor an identifier can reverse the birth date beside it', async t => {
  const { text } = patientLine({
    resourceType: 'Patient',
    name: [{ given: ['\u202eAna'], family: 'Castillo' }],
    birthDate: '1984-02-08',
    identifier: [{ value: '\u05d0-7' }, { value: '\u202e4711' }, { value: '12' }],
  })
  t.equal(
    text,
    'Ana Castillo<span class="text-body-secondary"> born 8 February 1984, \u2068\u05d0-7\u2069, 4711, 12</span>',
  )
})
