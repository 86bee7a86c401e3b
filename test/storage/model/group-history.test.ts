import type { Group, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import * as w from './world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { storeOf } = world

/** Times are kept in milliseconds, and writes in the same one have no order. */
const put = async (...resources: readonly Resource[]) => {
  await world.put(...resources)
  await new Promise(resolve => setTimeout(resolve, 5))
}
const named = (name: string): Resource => ({ ...w.groupOf('open', 'lab'), name }) as Resource
const membersOf = ({ member = [] }: Group) => member.map(({ entity }) => entity?.reference)
const vread = async (caller: Caller, version: string) =>
  membersOf(JSON.parse((await storeOf(caller).vread('Group', 'group-open', version)).content))

await put(
  w.organization('lab'),
  w.role('member', 'lab', 'member'),
  ...['ann', 'bob', 'cat', 'dan'].map(one => w.registered(one, 'lab')),
  w.registered('eve', 'elsewhere'),
  w.study('open', 'lab', [w.works('researcher', 'researcher')]),
  named('first'),
  w.enrols('open', 'ann'),
  w.enrols('open', 'eve'),
  { ...w.enrols('open', 'dan'), period: { end: '2020' } } as Resource,
  w.enrols('open', 'cat'),
)
await put(named('second'))
await put(w.enrols('open', 'bob'), w.enrols('open', 'ann', 'withdrawn'))
await world.importer.write([{ kind: 'delete', type: 'ResearchSubject', id: 'open-cat' }])
await put(named('third'))
await put(w.enrols('open', 'bob', 'off-study'))
const member = w.registrar('member', 'lab')

t.test('an older version of a Group has the members until the next one, of those whom the caller may read', async t => {
  t.strictSame(await vread(member, '1'), ['Patient/ann'], 'eve is another’s, dan’s time was over, cat’s was a mistake')
  t.strictSame(await vread(member, '2'), ['Patient/bob'])
  t.strictSame(await vread(member, '3'), [], 'the current one has the current members')
  const { entries } = await storeOf(member).history('Group', 'group-open', { count: 9, cursor: undefined })
  t.strictSame(
    entries.map(({ content = '{}' }) => membersOf(JSON.parse(content))),
    [[], ['Patient/bob'], ['Patient/ann']],
  )
})

t.test('whoever reads the study but not its patients is told no members', async t => {
  for (const version of ['1', '2', '3']) t.strictSame(await vread(w.staff('researcher'), version), [])
})

t.test('the stored content of an older version has no members', async t => {
  await world.importer.write([{ kind: 'delete', type: 'ResearchSubject', id: 'open-ann' }])
  t.strictSame(await vread(member, '1'), [])
})

t.test('a Group that is sent back as it was served is unchanged, and stores no members', async t => {
  const again = (status?: string) => ({ ...w.enrols('open', 'bob', status), id: 'open-bob-again' }) as Resource
  await put(again())
  const read = async (caller: Caller) =>
    membersOf(JSON.parse((await storeOf(caller).read('Group', 'group-open')).content))
  const served: Group = JSON.parse((await storeOf(member).read('Group', 'group-open')).content)
  t.strictSame(membersOf(served), ['Patient/bob'])
  const [same] = await storeOf(member).write([{ kind: 'update', id: 'group-open', resource: served }])
  t.equal(same?.outcome, 'unchanged')
  const renamed = { ...served, name: 'fourth' }
  const [other] = await storeOf(member).write([{ kind: 'update', id: 'group-open', resource: renamed }])
  t.equal(other?.outcome, 'updated')
  t.strictSame(await read(member), ['Patient/bob'])
  t.strictSame(await read(w.staff('researcher')), [], 'they may not read the Patients')
  await put(again('off-study'))
  t.strictSame(await read(member), [])
})

t.test('what a Group named before it belonged to a study is not shown any more', async t => {
  const group = { ...w.groupOf('later', 'lab'), member: [{ entity: { reference: 'Patient/ann' } }] }
  await put(group as Group)
  await put(w.study('later', 'lab', [w.works('researcher', 'researcher')]))
  await put({ ...group, name: 'renamed' } as Group)
  const { content } = await storeOf(w.staff('researcher')).vread('Group', 'group-later', '1')
  t.strictSame(membersOf(JSON.parse(content)), [])
})
