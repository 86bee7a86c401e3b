import type { ResearchStudy } from '@medplum/fhirtypes'
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
