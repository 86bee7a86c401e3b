import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { withStaff } from '../../../src/studies/definition/study-staff.ts'
import { seesAnswersOf } from '../../../src/studies/people/sees-answers.ts'

const study = (access: string): ResearchStudy => ({
  resourceType: 'ResearchStudy',
  status: 'active',
  extension: [{ url: extensions.access, valueCode: access }],
})
const always = { from: '', until: '' }
const ofStaff = [
  { practitioner: 'now', ...always },
  { practitioner: 'earlier', from: '2020-01-01', until: '2021-12-31' },
  { practitioner: 'later', from: '2999-01-01', until: '' },
].reduce((known, one) => withStaff(known, { ...one, role: 'researcher' }), study('staff'))

const seen = (asked: ResearchStudy) =>
  [...['now', 'earlier', 'later', 'member'].map(practitioner => ({ practitioner })), {}].map(caller =>
    seesAnswersOf(caller as Caller, asked),
  )

t.test(
  'if only the staff of a study read, others see no answers, and neither does whose role is over or to come',
  async t => {
    t.strictSame(seen(ofStaff), [true, false, false, false, false])
  },
)

t.test('if the organization reads, so does whoever the pages of the study are for', async t => {
  t.strictSame(seen(study('organization')), [true, true, true, true, true])
  t.strictSame(seen({ resourceType: 'ResearchStudy', status: 'active' }), [true, true, true, true, true])
})
