import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { addAction, readAction, refusedItems, type StudyActionKind } from '../../../src/storage/study/study-action.ts'
import { openInvited } from '../../web/invited.ts'

const world = await openInvited()
const { create, database, enrolled, lab, researcher, send, study, update } = world
t.teardown(world.close)
t.setTimeout(200_000)

const registered = (name: string) =>
  create(lab.manager, {
    resourceType: 'Patient' as const,
    name: [{ text: name }],
    birthDate: '1970-05-31',
    telecom: [{ system: 'email' as const, value: `${name}@example.org` }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
const asked = (what: StudyActionKind, ...targets: readonly string[]) =>
  addAction(database, { person: researcher, study: study.id, what, way: 'any', targets })
/** What was asked for is done by the server that begins next. Answers why it was not done, of those to whom it was not. */
const done = async (...ids: readonly string[]) => {
  const next = await world.open()
  while ((await Promise.all(ids.map(id => readAction(database, id)))).some(one => one?.isOver === false))
    await new Promise(resolve => setTimeout(resolve, 100))
  await next.close()
  const refused = await Promise.all(ids.map(id => refusedItems(database, id, { after: 0, count: 10 })))
  return refused.map(items => items.map(({ target, refusal }) => [target, refusal]))
}
const placesOf = async (patient: string): Promise<number> =>
  (await send('everything', 'GET', `ResearchSubject?individual=Patient/${patient}&_summary=count`)).json().total

t.test(
  'nobody is enrolled in, or invited to, a study that has ended since that was asked for, and each is told apart',
  async t => {
    const [one, two, three] = [await registered('one'), await registered('two'), await registered('three')]
    const { subject } = await enrolled('Four')
    const active = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
    const over = {
      'its status is “Completed”': { ...active, status: 'completed' },
      'its last day was 1 January 2026 (UTC)': { ...active, period: { end: '2026-01-01' } },
    }
    for (const [why, ended] of Object.entries(over)) {
      const actions = [
        await asked('enrol', one.id, two.id),
        await asked('enrol-and-invite', three.id),
        await asked('invite', subject),
      ]
      await update('everything', ended)
      const refusal = `Nobody can be enrolled in the study now: ${why}`
      const [enrolling, both, inviting] = await done(...actions)
      t.strictSame(enrolling, [
        [one.id, refusal],
        [two.id, refusal],
      ])
      t.strictSame(both, [[three.id, refusal]])
      t.match(inviting, [[subject, /^Nobody new comes into the study /]])
      for (const { id } of [one, two, three]) t.equal(await placesOf(id), 0)
      t.equal((await database.any(sql.fragment`SELECT FROM study_message`)).length, 0)
    }
    await update('everything', active)
    t.strictSame(await done(await asked('enrol', one.id, two.id)), [[]])
    t.equal(await placesOf(one.id), 1)
  },
)

t.test('whoever has come into the study by a record that was joined with theirs is not enrolled once more', async t => {
  const { patient } = await enrolled('Known')
  const other = await registered('other')
  const action = await asked('enrol', other.id)
  const link = [patient.id, other.id].map(id => ({ target: { reference: `Patient/${id}` } }))
  await create('everything', { resourceType: 'Person', link })
  t.strictSame(await done(action), [[[other.id, 'They are in the study already, by another record of theirs']]])
  t.equal(await placesOf(other.id), 0)
  const again = await done(await asked('enrol', patient.id))
  t.strictSame(again, [[[patient.id, 'They are in the study already']]], 'by their own they are as ever')
})
