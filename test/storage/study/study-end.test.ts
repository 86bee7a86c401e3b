import type { Consent, ContactPoint, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { tellOfEnds } from '../../../src/storage/study/study-end.ts'
import { consent, openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, update, send } = world
t.teardown(() => server.close())

const kinds = ['omh:heart-rate']
const lab = await world.institution('lab')
const read = async <R>(path: string): Promise<R> => (await send('everything', 'GET', path)).json()
const readStudy = (id: string) => read<ResearchStudy>(`ResearchStudy/${id}`)

let studies = 0
const studyWith = async (...names: readonly string[]) => {
  studies += 1
  const { id } = await world.study(lab.manager, lab.organization, `study-${studies}`, kinds)
  for (const name of names) await sharing(id, name)
  await look()
  return id
}
const sharing = async (
  study: string,
  name: string,
  telecom: ContactPoint[] = [{ system: 'email', value: `${name}@example.org` }],
) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: name }],
    telecom,
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const { id: place } = await world.enrol(lab.manager, study, id)
  const own = await world.patientToken(id, 'patient/Consent.cruds')
  const { id: given } = await create(own, consent(id, study, lab.organization, kinds))
  return { id, own, place: `ResearchSubject/${place}`, given: `Consent/${given}` }
}
const look = () => tellOfEnds(database, new AbortController().signal)
const change = async (study: string, more: Partial<ResearchStudy>, by = lab.manager) =>
  update(by, { ...(await readStudy(study)), ...more })
/** Lets so much time go by since everything that was written. */
const later = async (time: string) => {
  for (const table of ['research_study', 'research_study_history'])
    await database.run(sql.fragment`
      UPDATE ${sql.identifier([table])} SET last_updated = last_updated - ${time}::interval`)
}
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
const toldOf = async (study: string) =>
  (
    await database.any<{ address: string }>(sql.fragment`
      SELECT address FROM study_message WHERE study_id = ${study} AND kind = 'study-ended' ORDER BY address, since`)
  ).map(({ address }) => address)

t.test('whoever shares with a study is told once that it is over, ten minutes after it was ended', async t => {
  const study = await studyWith('ann', 'bea')
  await change(study, { status: 'completed' })
  await look()
  t.strictSame(await toldOf(study), [], 'it may have been a mistake')
  await later('11 minutes')
  await Promise.all([look(), look()])
  await look()
  t.strictSame(await toldOf(study), ['ann@example.org', 'bea@example.org'])
  const [told] = await database.any(sql.fragment`
    SELECT kind, subject, study_id, channel, state, round(extract(epoch FROM now() - since) / 60)::int AS minutes
    FROM study_message WHERE study_id = ${study} LIMIT 1`)
  t.strictSame(told, {
    kind: 'study-ended',
    subject: null,
    study_id: study,
    channel: 'email',
    state: 'waiting',
    minutes: 11,
  })
})

t.test('a study that is taken up again within that time tells nobody, and its next end is told', async t => {
  const study = await studyWith('cleo')
  await change(study, { status: 'withdrawn' })
  await later('5 minutes')
  await change(study, { status: 'active' })
  await later('20 minutes')
  await look()
  t.strictSame(await toldOf(study), [])
  await change(study, { status: 'completed' })
  await later('11 minutes')
  await change(study, { description: 'We have found nothing' })
  await look()
  t.strictSame(await toldOf(study), ['cleo@example.org'], 'since it was ended, whatever is written later')
  await change(study, { status: 'active' })
  await look()
  await change(study, { status: 'completed' })
  await later('11 minutes')
  await look()
  t.strictSame(await toldOf(study), ['cleo@example.org', 'cleo@example.org'], 'each end is told')
})

t.test('the end of its days is told as well, also if they are moved', async t => {
  const study = await studyWith('dora')
  await change(study, { period: { end: ago(120) } })
  await look()
  t.strictSame(await toldOf(study), [], 'it was read until a moment ago')
  await later('3 hours')
  await change(study, { status: 'completed' })
  await look()
  const since = sql.fragment`SELECT round(extract(epoch FROM now() - since) / 60)::int AS minutes FROM study_message WHERE study_id = ${study}`
  t.strictSame(await database.any(since), [{ minutes: 120 }], 'by its days it was over before')
  await change(study, { status: 'active', period: { end: '2099-01-01' } })
  await look()
  await change(study, { period: { end: ago(15) } })
  await later('16 minutes')
  await look()
  t.strictSame(await database.any(sql.fragment`${since} ORDER BY 1`), [{ minutes: 15 }, { minutes: 120 }])
})

t.test(
  'whoever was told of an end is told if the study goes on, so that nobody reads what they share unawares',
  async t => {
    const study = await studyWith('rob', 'sam', 'una', 'vic')
    const stopping = await sharing(study, 'tim')
    await change(study, { status: 'completed' })
    await later('11 minutes')
    await look()
    const resumed = async () =>
      (
        await database.any<{ address: string }>(sql.fragment`
        SELECT address FROM study_message WHERE study_id = ${study} AND kind = 'study-resumed' ORDER BY address`)
      ).map(({ address }) => address)
    await database.run(sql.fragment`
    UPDATE study_message SET tries = CASE address WHEN 'vic@example.org' THEN 0 ELSE 1 END,
      state = CASE address WHEN 'sam@example.org' THEN 'failed' WHEN 'una@example.org' THEN 'waiting' WHEN 'vic@example.org' THEN 'waiting' ELSE 'sent' END
    WHERE study_id = ${study}`)
    await update(stopping.own, { ...(await read<Consent>(stopping.given)), status: 'inactive' })
    await look()
    t.strictSame(await resumed(), [])
    await change(study, { status: 'active' })
    await Promise.all([look(), look()])
    const both = ['rob@example.org', 'una@example.org']
    t.strictSame(
      await resumed(),
      both,
      'also to whom the letter is just going out, but not who got none, or has stopped',
    )
    await change(study, { status: 'completed' })
    await look()
    await change(study, { status: 'active' })
    await look()
    t.strictSame(await resumed(), both, 'of an end that nobody was told')
  },
)

t.test('what may go on is not told as an end', async t => {
  const study = await studyWith('eve')
  const goingOn = ['temporarily-closed-to-accrual', 'closed-to-accrual', 'in-review', 'approved'] as const
  for (const status of goingOn) {
    await change(study, { status })
    await later('11 minutes')
    await look()
    t.strictSame(await toldOf(study), [], status)
  }
  await change(study, { status: 'withdrawn' })
  await later('11 minutes')
  await look()
  t.strictSame(await toldOf(study), ['eve@example.org'], 'and it ends from there as well')
})

t.test('after a long stop of the server the ends of the last 30 days are told, and no older ones', async t => {
  const [recent, old] = [await studyWith('fay'), await studyWith('gil')]
  const day = 24 * 60
  await later('60 days')
  await change(recent, { period: { end: ago(29 * day) } })
  await change(old, { period: { end: ago(31 * day) } })
  await later('60 days')
  await look()
  t.strictSame([await toldOf(recent), await toldOf(old)], [['fay@example.org'], []])
  await look()
  t.strictSame(await toldOf(old), [])
})

t.test('only those are told from whom something was read until the end, and who can be reached', async t => {
  const study = await studyWith('hal')
  const [stopped, left, ended, gone, unreached] = [
    await sharing(study, 'ida'),
    await sharing(study, 'jon'),
    await sharing(study, 'kim'),
    await sharing(study, 'lou'),
    await sharing(study, 'may', [{ system: 'url', value: 'https://may.example.org' }]),
  ]
  await sharing(study, 'ned', [{ system: 'sms', value: '+4915100000000' }])
  const given = await read<Consent>(stopped.given)
  await update(stopped.own, { ...given, status: 'inactive' })
  await update(lab.manager, { ...(await read<ResearchSubject>(left.place)), status: 'off-study' })
  const until = await read<Consent>(ended.given)
  await update(ended.own, { ...until, provision: { ...until.provision, period: { end: '2026-01-01' } } })
  await update(lab.manager, { ...(await read<ResearchSubject>(gone.place)), period: { end: '2026-01-01' } })
  t.ok(unreached.id)
  const { id: silent } = await create(lab.manager, {
    resourceType: 'Patient',
    telecom: [{ system: 'email', value: 'silent@example.org' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await world.enrol(lab.manager, study, silent)
  await change(study, { status: 'completed' })
  await later('11 minutes')
  await look()
  t.strictSame(await toldOf(study), ['+4915100000000', 'hal@example.org'])
})

t.test('whose place or consent ends with the study is told of the end of the study', async t => {
  const study = await studyWith()
  const end = ago(30)
  const { own, given, place } = await sharing(study, 'oda')
  await change(study, { period: { end } })
  const stored = await read<Consent>(given)
  await update(own, { ...stored, provision: { ...stored.provision, period: { end } } })
  await update('everything', { ...(await read<ResearchSubject>(place)), period: { end } })
  await later('2 hours')
  await look()
  t.strictSame(await toldOf(study), ['oda@example.org'])
})

t.test('nobody is told of a study that was over when it came here', async t => {
  const study = await studyWith()
  const { id: _, meta, enrollment, ...asked } = await readStudy(study)
  const { id } = await create('everything', { ...asked, status: 'completed' } as ResearchStudy)
  const { id: patient } = await create('everything', {
    resourceType: 'Patient',
    telecom: [{ system: 'email', value: 'pia@example.org' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await world.enrol('everything', id, patient)
  await create('everything', { ...consent(patient, id, lab.organization, kinds), dateTime: '2026-01-01T00:00:00Z' })
  await later('11 minutes')
  await look()
  t.strictSame(await toldOf(id), [])
})

t.test('more people than are read at once are told, each once', async t => {
  const study = await studyWith('quin')
  const [one] = await database.any<{ patient: number }>(sql.fragment`
    SELECT patient_id AS patient FROM enrolment WHERE study_id = ${study}`)
  const of = sql.fragment`patient_id = ${one?.patient ?? 0}`
  const made = sql.fragment`generate_series(1, 2500) AS number`
  // Rows alone, as 2500 people who do what one did would have left them.
  for (const [table, columns] of [
    ['consent', ['patient_id', 'pk', 'id']],
    ['patient', ['patient_id', 'pk', 'id']],
    ['consent_grantee', ['patient_id', 'pk', 'consent_id']],
    ['study_group_observation_consents', ['patient_id', 'consent_id']],
  ] as const) {
    const changed = columns.map(column =>
      column === 'patient_id' || column === 'pk'
        ? sql.fragment`${sql.literalValue(column)}, (row.${sql.identifier([column])} + number * 100000)::bigint`
        : sql.fragment`${sql.literalValue(column)}, row.${sql.identifier([column])} || '-' || number`,
    )
    const content =
      table === 'consent'
        ? sql.fragment`, 'content', jsonb_set(row.content, '{patient,reference}', to_jsonb(row.content #>> '{patient,reference}' || '-' || number))`
        : sql.fragment``
    const stored = await database.any<{ name: string }>(sql.fragment`
      SELECT attname AS name FROM pg_attribute
      WHERE attrelid = ${table}::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`)
    const names = sql.join(
      stored.map(({ name }) => sql.identifier([name])),
      sql.fragment`, `,
    )
    await database.run(sql.fragment`
      INSERT INTO ${sql.identifier([table])} (${names})
      SELECT ${sql.join(
        stored.map(({ name }) => sql.identifier(['made', name])),
        sql.fragment`, `,
      )} FROM ${sql.identifier([table])} AS row, ${made},
        jsonb_populate_record(row, jsonb_build_object(${sql.join(changed, sql.fragment`, `)} ${content})) AS made
      WHERE row.${of}`)
  }
  await change(study, { status: 'completed' })
  await later('11 minutes')
  const begun = performance.now()
  await look()
  t.comment(`${Math.round(performance.now() - begun)} ms for 2501 people`)
  const counted = await database.one(sql.fragment`
    SELECT count(*)::int AS messages, count(DISTINCT patient)::int AS people FROM study_message WHERE study_id = ${study}`)
  t.strictSame(counted, { messages: 2501, people: 2501 })
})
