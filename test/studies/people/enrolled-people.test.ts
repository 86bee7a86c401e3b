import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import type { Store } from '../../../src/storage/store.ts'
import type { StudyPeopleAsked, StudyPersonRow } from '../../../src/storage/study/study-people.ts'
import { findEnrolledPeople } from '../../../src/studies/people/enrolled-people.ts'

const subject = JSON.stringify({
  resourceType: 'ResearchSubject',
  id: 'place',
  identifier: [{ value: 'AB-12' }],
  individual: { reference: 'Patient/ann' },
})
const answeredAt = new Date('2026-11-30T12:00:00Z')
const answers = { isSilent: true, isEarlier: true, isOnPaper: true, isByPaper: true, isLeftStanding: true }

/** Somebody in a study of whom the store says all that can be said; and what it was asked. */
const found = async (state: StudyPersonRow['state'], seesAnswers: boolean) => {
  const asked: StudyPeopleAsked[] = []
  const unknown = { patient: null, arrived: null, measured: null, kindId: null }
  const row: StudyPersonRow = { patientId: 1, subject, state, answeredAt, ...answers, ...unknown }
  const studyPeople: Store['studyPeople'] = async one => {
    asked.push(one)
    return { rows: [row], named: [], total: 1, ids: [], counts: { [state]: 1 } }
  }
  const caller = { practitioner: 'doctor' } as Caller
  const access = { url: extensions.access, valueCode: seesAnswers ? 'organization' : 'staff' }
  const { people, counts } = await findEnrolledPeople(
    { openStoreFor: () => ({ studyPeople }) as Store },
    caller,
    { resourceType: 'ResearchStudy', id: 'heart', status: 'active', extension: [access] },
    { state: 'declined', sort: 'answer', limit: 1 },
  )
  return { people, counts, filter: asked[0]?.state, sort: asked[0]?.sort }
}

const person = { id: 'place', patientId: 'ann', codes: ['AB-12'] }

t.test('whoever may see what people answered is told all of it', async t => {
  t.strictSame(await found('declined', true), {
    people: [{ ...person, hasEnded: false, state: 'declined', answeredAt, ...answers }],
    counts: { declined: 1 },
    filter: 'declined',
    sort: 'answer',
  })
})

t.test('nobody else learns what somebody answered, nor how many did, nor finds them by it', async t => {
  const nothing = { isSilent: false, isEarlier: false, isOnPaper: false, isByPaper: false, isLeftStanding: false }
  t.strictSame(await found('declined', false), {
    people: [{ ...person, hasEnded: false, state: undefined, ...nothing }],
    counts: {},
    filter: undefined,
    sort: 'enrolment',
  })
  t.strictSame(
    (await found('ended', false)).people,
    [{ ...person, hasEnded: true, state: 'ended', ...nothing }],
    'but that a place has ended is no answer',
  )
})
