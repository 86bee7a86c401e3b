import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { patientFacts } from '../../../src/web/patient/patient-facts.ts'

const ana: Patient = {
  resourceType: 'Patient',
  name: [{ given: ['Ana'], family: 'Castillo' }],
  birthDate: '1984-02-08',
  telecom: [
    { system: 'email', value: 'ana@example.org' },
    { system: 'email', use: 'old', value: 'ana@elsewhere.example' },
    { system: 'phone', use: 'home', value: '+1 500 555 0006' },
    { system: 'phone', use: 'mobile', value: '+1 500 555 0007' },
    { system: 'url', value: 'https://ana.example' },
  ],
}
const factsOf = (patient: Patient, language = 'en') =>
  [...patientFacts(patient, wordsFor(language)).text.matchAll(/<dt>(.*?)<\/dt>(.*?)<\/div>/g)].map(
    ([, name, values = '']) => [name, ...values.split('</dd>').map(one => one.replace(/<[^>]*>/g, ''))].filter(Boolean),
  )

t.test('a patient’s page says how to reach them now', async t => {
  t.same(factsOf(ana), [
    ['Name', 'Ana Castillo'],
    ['Birth date', '8 February 1984'],
    ['Gender', 'not known'],
    ['Identifiers', 'none'],
    ['E-mail', 'ana@example.org'],
    ['Phone', '+1 500 555 0006', '+1 500 555 0007'],
  ])
  t.same(
    factsOf(ana, 'es')
      .slice(-2)
      .map(([name]) => name),
    ['Correo electrónico', 'Teléfono'],
  )
})

t.test('of each number to which messages would go it says if none do, also of one for messages alone', async t => {
  const unsent = 'No text messages go there: it lacks its country code, or has too few or too many digits.'
  const telecom: Patient['telecom'] = [
    { system: 'sms', value: '079 123 45 67' },
    { system: 'sms', value: '+41791234567' },
    { system: 'sms', use: 'old', value: '+15005550006' },
    { system: 'phone', use: 'mobile', value: '+41 79 123 45 6' },
  ]
  t.same(factsOf({ resourceType: 'Patient', telecom }).at(-1), [
    'Phone',
    '079 123 45 67',
    unsent,
    '+41 79 123 45 67',
    '+41 79 123 45 6',
    unsent,
  ])
})

t.test('a long address goes on below its at sign', async t => {
  t.match(patientFacts(ana).text, '<bdi>ana@<wbr>example.org</bdi>')
})

t.test('of whoever is not known to be reached by anything, it says nothing of that', async t => {
  t.same(factsOf({ resourceType: 'Patient' }).at(-1), ['Identifiers', 'none'])
})
