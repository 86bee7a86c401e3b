import t from 'tap'
import { openSearching } from '../support/searching.ts'

const { server, put, found } = await openSearching()
t.teardown(() => server.close())

const family = { resourceType: 'Group', id: 'family', type: 'person', actual: true }
const resources = [
  { resourceType: 'Patient', id: 'ann', gender: 'female' },
  { resourceType: 'Patient', id: 'ben', gender: 'male' },
  { ...family, member: [{ entity: { reference: 'Patient/ann' } }] },
]
await put(...resources)

t.test('a Group without a study has the members that it names, in chains and reverse chains', async t => {
  t.equal(await found('Group?member:Patient.gender=female'), 'family')
  t.equal(await found('Group?member:Patient.gender=male'), '')
  t.equal(await found('Patient?_has:Group:member:_id=family'), 'ann')
})
