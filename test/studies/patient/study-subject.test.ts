import type { Patient, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { subjectOf } from '../../../src/studies/patient/study-subject.ts'

const study = (identity?: string): ResearchStudy => ({
  resourceType: 'ResearchStudy',
  id: 'heart',
  status: 'active',
  ...(identity !== undefined && { extension: [{ url: extensions.identity, valueCode: identity }] }),
})

t.test('people get a code in a study that knows them by code, which it does if nothing else was chosen', async t => {
  for (const identity of ['coded', undefined])
    t.match(subjectOf(study(identity), { id: 'ann' }).identifier, [{ value: /^[A-Z2-9]{4}-[A-Z2-9]{4}$/ }])
  t.notOk('identifier' in subjectOf(study('identified'), { id: 'ann' }))
})

t.test('such a study notes gender and year of birth beside the code, as far as they are known, and no day', async t => {
  const noted = (patient: Pick<Patient, 'gender' | 'birthDate'>) =>
    subjectOf(study('coded'), { id: 'ann', ...patient }).extension
  t.same(noted({ gender: 'female', birthDate: '1961-07-19' }), [
    { url: extensions.gender, valueCode: 'female' },
    { url: extensions.birthYear, valueDate: '1961' },
  ])
  t.same(noted({ birthDate: '1961' }), [{ url: extensions.birthYear, valueDate: '1961' }])
  t.equal(noted({}), undefined)
  t.notOk('extension' in subjectOf(study('identified'), { id: 'ann', gender: 'female', birthDate: '1961-07-19' }))
})
