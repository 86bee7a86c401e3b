import type { Bundle, Group } from '@medplum/fhirtypes'
import t from 'tap'
import { openSearching } from '../support/searching.ts'
import { openStudies } from '../support/study.ts'
import * as w from './model/world.ts'

const { server, put, found, search } = await openSearching()
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

t.test('members of every type are found, by reference, identifier and text, and so are Groups without any', async t => {
  const group = (id: string, ...entities: readonly object[]) => ({
    ...family,
    id,
    ...(entities.length > 0 && { member: entities.map(entity => ({ entity })) }),
  })
  await put(
    { resourceType: 'Device', id: 'watch' },
    { resourceType: 'Patient', id: 'watch' },
    { resourceType: 'Practitioner', id: 'ann' },
    group('watches', { reference: 'Device/watch' }),
    group(
      'doctors',
      { reference: 'Practitioner/ann' },
      { identifier: { system: 'urn:x', value: '1' }, display: 'Hal' },
    ),
    group('elsewhere', { reference: 'http://other.example/fhir/Patient/ann' }),
    group('nobody'),
  )
  for (const [query, expected] of Object.entries({
    'member=Device/watch': 'watches',
    'member:Device=watch': 'watches',
    'member=watch': 'watches',
    'member=Patient/ann': 'family',
    'member=Practitioner/ann': 'doctors',
    'member=ann': 'doctors family',
    'member=http://other.example/fhir/Patient/ann': 'elsewhere',
    'member:identifier=urn:x|1': 'doctors',
    'member:identifier=urn:x|1,urn:x|2': 'doctors',
    'member:text=hal': 'doctors',
    'member:missing=true': 'nobody',
    'member:missing=false': 'doctors elsewhere family watches',
    '_filter=member pr false': 'nobody',
    '_filter=member ne "Patient/ann"': 'doctors elsewhere watches',
  }))
    t.equal(await found(`Group?${query}`), expected, query)
  t.equal(await found('Device?_has:Group:member:_id=watches'), 'watch')
  t.equal(await found('Patient?_has:Group:member:_id=watches'), '', 'a Patient with the id of a Device is another')
})

t.test('the member of a study is the record that is enrolled, and no other record of the same person', async t => {
  const records = ['enrolled', 'elsewhere'].map(id => ({ resourceType: 'Patient', id }))
  const link = records.map(({ id }) => ({ target: { reference: `Patient/${id}` } }))
  for (const one of [
    w.organization('lab'),
    ...records,
    w.groupOf('sleep', 'lab'),
    w.study('sleep', 'lab', [w.requests('omh:body-weight')]),
    w.enrols('sleep', 'enrolled'),
    { resourceType: 'Person', id: 'owner', link },
  ])
    await put(one as { resourceType: string; id: string })
  const { entry = [] }: Bundle = await search('Group?_id=group-sleep')
  const [group] = entry.map(({ resource }) => resource as Group)
  t.strictSame(group?.member, [{ entity: { reference: 'Patient/enrolled' } }])
  t.equal(await found('Group?member=Patient/enrolled'), 'group-sleep')
  t.equal(await found('Group?member=Patient/elsewhere'), '')
  t.equal(await found('Group?member:Patient._id=elsewhere'), '')
  t.equal(await found('Patient?_has:Group:member:_id=group-sleep'), 'enrolled')
  await put(w.enrols('sleep', 'enrolled', 'withdrawn') as { resourceType: string; id: string })
  const left: Bundle = await search('Group?_id=group-sleep')
  t.match(left.entry, [{ resource: { id: 'group-sleep', member: undefined } }], 'nor is whoever has left')
  t.equal(await found('Group?member=Patient/enrolled'), '')
  t.equal(await found('Patient?_has:Group:member:_id=group-sleep'), '')
})

t.test('whether the Group of a study has members is told as far as they are shown', async t => {
  const world = await openStudies()
  t.teardown(() => world.server.close())
  const { organization, manager } = await world.institution('lab')
  const kinds = ['omh:heart-rate']
  const [hearts, sleep] = [
    await world.study(manager, organization, 'hearts', kinds),
    await world.study(manager, organization, 'sleep', kinds),
  ]
  const dora = await world.participant(manager, organization, hearts.id, kinds, 'Dora')
  const names: Readonly<Record<string, string>> = { [hearts.group]: 'hearts', [sleep.group]: 'sleep' }
  const groupsOf = async (bearer: string, query: string) => {
    const { entry = [] }: Bundle = (await world.send(bearer, 'GET', `Group?${query}`)).json()
    return entry
      .map(({ resource }) => names[resource?.id ?? ''])
      .sort()
      .join(' ')
  }
  const scopes = 'user/Group.rs user/Patient.rs'
  for (const [bearer, mayRead] of [
    ['everything', true],
    [await world.staffToken(hearts.researcher, scopes), true],
    [await world.staffToken(hearts.researcher, 'user/Group.rs'), false],
  ] as const) {
    const seen = await groupsOf(bearer, '')
    const without = seen
      .split(' ')
      .filter(name => name !== 'hearts')
      .join(' ')
    t.match(seen, 'hearts')
    t.equal(await groupsOf(bearer, 'member:missing=false'), mayRead ? 'hearts' : '')
    t.equal(await groupsOf(bearer, 'member:missing=true'), mayRead ? without : seen)
    t.equal(await groupsOf(bearer, `member=Practitioner/${dora}`), '')
    t.equal(await groupsOf(bearer, `member=nobody,Patient/${dora},Device/nobody`), mayRead ? 'hearts' : '')
    t.equal(await groupsOf(bearer, `member=nobody,Practitioner/${dora}`), '')
  }
  t.equal(await groupsOf('everything', `member=${dora}`), 'hearts')
  t.equal(await groupsOf('everything', `_filter=member ne "Patient/${dora}"`), '')
  t.equal(await groupsOf('everything', '_filter=member ne "Patient/nobody"'), 'hearts')
})
