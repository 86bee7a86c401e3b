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

/** Until that many sessions wait for a lock of another. */
const waiting = async (count: number) => {
  const found = () =>
    database.any(sql.fragment`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
  while ((await found()).length < count) await new Promise(resolve => setTimeout(resolve, 20))
}

t.test('nor is whoever is enrolled at the moment in which the study ends', async t => {
  const { id } = await registered('meanwhile')
  const action = await asked('enrol', id)
  const active = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await database.run(sql.fragment`
    CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(58); RETURN NEW; END'`)
  await database.run(sql.fragment`
    CREATE TRIGGER wait_for_test AFTER INSERT OR UPDATE ON study FOR EACH ROW EXECUTE FUNCTION wait_for_test()`)
  const [ending, enrolling] = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(58)`)
    const begun = update('everything', { ...active, status: 'completed' })
    await waiting(1)
    const next = done(action)
    await waiting(2)
    return [begun, next] as const
  })
  await ending
  t.strictSame(await enrolling, [[[id, 'Nobody can be enrolled in the study now: its status is “Completed”']]])
  t.equal(await placesOf(id), 0)
  await database.run(sql.fragment`DROP TRIGGER wait_for_test ON study`)
  await update('everything', active)
})

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
