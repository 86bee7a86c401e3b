import type { Group, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { pairOf } from '../../../src/storage/model/study-group.ts'

const ids = { study: 's', group: 'g' }
const sponsor = { reference: 'Organization/o' }
const study: ResearchStudy = { resourceType: 'ResearchStudy', status: 'active', title: 'Sleep', sponsor }
const group: Group = { resourceType: 'Group', type: 'person', actual: true, name: 'Sleep', managingEntity: sponsor }

t.test('a study and its Group create each other, and each has the other’s organization', async t => {
  t.strictSame(pairOf(study, ids), {
    study: { ...study, id: 's', enrollment: [{ reference: 'Group/g' }] },
    group: { ...group, id: 'g', active: true },
  })
  t.strictSame(pairOf(group, ids), {
    study: { ...study, id: 's', enrollment: [{ reference: 'Group/g' }] },
    group: { ...group, id: 'g' },
  })
})

t.test('a resource that cannot be the study of an organization, or its Group, creates no other', async t => {
  t.equal(pairOf({ resourceType: 'ResearchStudy', status: 'active' }, ids), undefined)
  t.equal(pairOf({ ...study, enrollment: [{ reference: 'Group/other' }] }, ids), undefined, 'it has its Group')
  t.equal(pairOf({ ...group, type: 'animal' }, ids), undefined)
  t.equal(pairOf({ ...group, actual: false }, ids), undefined)
  t.equal(
    pairOf({ ...group, member: [{ entity: { reference: 'Patient/p' } }] }, ids),
    undefined,
    'a plain list of people',
  )
  t.equal(pairOf({ ...group, managingEntity: { reference: 'Practitioner/p' } }, ids), undefined)
})
