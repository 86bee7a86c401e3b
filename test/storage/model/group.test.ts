import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import * as w from './world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { put, importer, database, deriveAnew } = world

const naming = (study: string, organization: string, group: string): Resource =>
  ({ ...w.study(study, organization, []), enrollment: [{ reference: `Group/${group}` }] }) as Resource
const groupOf = (id: string, organization: string): Resource => ({ ...w.groupOf(id, organization), id }) as Resource
const refused = async (resource: Resource): Promise<readonly [message: string, expression: string | undefined]> => {
  const [done] = await importer.write([{ kind: 'update', id: resource.id ?? '', resource }])
  if (done?.outcome !== 'refused') return [`${done?.outcome}`, undefined]
  const [{ message, expression }] = done.error.issues
  return [message, expression]
}
const groups = async () =>
  Object.fromEntries(
    (
      await database.any<{ id: string; group: string | null }>(
        sql.fragment`SELECT id, group_id AS "group" FROM study ORDER BY id`,
      )
    ).map(({ id, group }) => [id, group]),
  )

await put(w.organization('lab'), w.organization('annex'))
await put(groupOf('people', 'lab'), naming('hearts', 'lab', 'people'))

t.test('a Group is that of one study', async t => {
  t.strictSame(await refused(naming('copy', 'lab', 'people')), [
    'Group/people is that of another study',
    'ResearchStudy.enrollment',
  ])
  await put(naming('copy', 'lab', 'others'))
  t.strictSame(await groups(), { copy: 'others', hearts: 'people' })
  const closed = w.study('closed', 'lab', [w.chooses('access', 'staff')])
  await put(closed, naming('blind', 'lab', 'group-closed'))
  t.strictSame(await groups(), { blind: null, closed: 'group-closed', copy: 'others', hearts: 'people' }, 'not shown')
})

t.test('the Group of a study stays with its organization', async t => {
  t.strictSame(await refused(groupOf('people', 'annex')), [
    'The Group of a study stays with Organization/lab',
    'Group.managingEntity',
  ])
  await put({ ...groupOf('people', 'lab'), name: 'People' } as Resource)
  t.equal((await groups()).hearts, 'people')
})

t.test('a Group that comes to an organization is that of the first study there that names it', async t => {
  await put(groupOf('moving', 'annex'), naming('steps', 'lab', 'moving'), naming('sleep', 'lab', 'moving'))
  await put(naming('awaiting', 'annex', 'late'), naming('apart', 'lab', 'late'))
  t.match(await groups(), { steps: null, sleep: null, awaiting: 'late', apart: null })
  await put(groupOf('moving', 'lab'), groupOf('late', 'lab'))
  const before = { blind: null, closed: 'group-closed' }
  const all = {
    ...before,
    apart: 'late',
    awaiting: null,
    copy: 'others',
    hearts: 'people',
    sleep: null,
    steps: 'moving',
  }
  t.strictSame(await groups(), all)
  await deriveAnew()
  t.strictSame(await groups(), all, 'derived anew')
})

t.test('a study is deleted with its Group, and a Group with its study', async t => {
  const isThere = async () => [await there('ResearchStudy', 'ending'), await there('Group', 'ended')]
  const there = (type: 'ResearchStudy' | 'Group', id: string) =>
    importer.read(type, id).then(
      () => 'there',
      ({ status }) => status,
    )
  for (const whole of [
    { type: 'ResearchStudy', id: 'ending' },
    { type: 'Group', id: 'ended' },
  ] as const) {
    await put(groupOf('ended', 'lab'), naming('ending', 'lab', 'ended'))
    t.strictSame(await isThere(), ['there', 'there'])
    await importer.write([{ kind: 'delete', ...whole }])
    t.strictSame(await isThere(), [410, 410], whole.type)
  }
})
