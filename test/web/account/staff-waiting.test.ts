import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { works } from '../../storage/model/world.ts'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { colleagueOf, openInvited } from '../invited.ts'

const world = await openInvited()
const { addStudy, band, browserOf, database, enrolled, lab, researcher, send, staff, study, update } = world
t.teardown(world.close)

/** The lines under its heading, with the addresses to which they lead. */
const waitingFor = async (browser: Browser) => {
  const { body } = await browser.get('/account')
  const [, list = ''] =
    /<h2>(?:What waits for you|Lo que tiene pendiente)<\/h2>\s*<ul[^>]*>(.*?)<\/ul>/s.exec(body) ?? []
  return [...list.matchAll(/<a href="([^"]*)">(.*?)<\/a>/g)].map(([, at, text]) => [at, text])
}
const failing = (subject: string, state: 'failed' | 'sent') =>
  database.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, subject, study_id, channel, address, state, reason, ended_at)
    SELECT ${`${state}-${subject}`}, 'reminder', patient, id, study_id, 'email', 'old@example.org', ${state},
      CASE ${state} WHEN 'failed' THEN 'The mail server refused it' END, now()
    FROM enrolment WHERE id = ${subject}`)
const invitations = `/studies/${study.id}/invitations?invited=failed`

t.test('where nothing waits, nothing is said of it, and nobody is recorded as having searched for it', async t => {
  await enrolled('Reached')
  t.notMatch(wordsOf(await staff.get('/account')), /What waits for you/)
  const { max } = await database.one<{ max: number }>(sql.fragment`SELECT max(id)::integer AS max FROM audit_record`)
  await staff.get('/account')
  const recorded = await database.any<object>(sql.fragment`
    SELECT interaction, type, patients, query FROM audit_record WHERE id > ${max} AND person = ${researcher}`)
  t.strictSame(recorded, [])
})

t.test('people whose last message failed are counted, in the reader’s language, until it was said', async t => {
  const one = await enrolled('One')
  await failing(one.subject, 'failed')
  t.strictSame(await waitingFor(staff), [[invitations, 'Hearts &amp; steps: the last message to one person failed']])
  const two = await enrolled('Two')
  await failing(two.subject, 'failed')
  t.strictSame(await waitingFor(staff), [[invitations, 'Hearts &amp; steps: the last message to 2 people failed']])
  t.strictSame(await waitingFor(await browserOf(researcher, 'es')), [
    [invitations, '<span lang="en">Hearts &amp; steps</span>: el último mensaje a 2 personas no se pudo enviar'],
  ])
  for (const { subject } of [one, two]) await failing(subject, 'sent')
  t.strictSame(await waitingFor(staff), [])
})

t.test(
  'what is refused of the data that is shared with a study waits for whoever manages its organization',
  async t => {
    const { person } = await colleagueOf(world, lab.organization, { name: 'Mae', role: 'manager' })
    const manager = await browserOf(person)
    await database.run(sql.fragment`
    INSERT INTO quarantined_document (id, pk, patient, source, organization, digest, size, sent, face, issues, interaction, is_lost, rule, pointer, schema, times,
      hash, kind, client_id, scope, context)
    SELECT id::uuid, 1, 'p', 's', ${lab.organization}, decode(id::text, 'escape'), 1, '{}', '{}', '[]', 'create', FALSE, rule, '/body', 'omh:heart-rate:2.0', 1,
      '', 'access', 'app', '', '{}'
    FROM (VALUES ('2a6f3c1e-5b7d-4c2a-9e8f-000000000001', 'type'), ('2a6f3c1e-5b7d-4c2a-9e8f-000000000002', 'type'),
      ('2a6f3c1e-5b7d-4c2a-9e8f-000000000003', 'enum')) AS given (id, rule)`)
    await database.run(sql.fragment`
    INSERT INTO quarantined_for (study_id, id) SELECT ${study.id}, id FROM quarantined_document`)
    const page = `/studies/${study.id}/quarantine`
    t.strictSame(await waitingFor(manager), [[page, 'Hearts &amp; steps: 3 documents that were refused']])
    t.strictSame(await waitingFor(staff), [], 'and for no member who does not lead the study')
    await database.run(sql.fragment`UPDATE quarantined_document SET state = 'taken' WHERE rule = 'type'`)
    t.strictSame(await waitingFor(manager), [[page, 'Hearts &amp; steps: a document that was refused']])
    await database.run(sql.fragment`UPDATE quarantined_document SET state = 'removed'`)
    t.strictSame(await waitingFor(manager), [])
  },
)

t.test('studies come by their title, and what is over has no messages to send again', async t => {
  const made = async (title: string) => {
    const { id } = await addStudy(lab.manager, lab.organization, title, ['omh:heart-rate'])
    const { subject } = await enrolled(title, {}, id)
    await failing(subject, 'failed')
    return id
  }
  const [zoo, ant] = [await made('Zoo'), await made('Ant')]
  t.strictSame(
    (await waitingFor(staff)).map(([at]) => at),
    [ant, zoo].map(id => `/studies/${id}/invitations?invited=failed`),
  )
  const stored = (await send('everything', 'GET', `ResearchStudy/${ant}`)).json()
  await update(lab.manager, { ...stored, status: 'completed' })
  t.match(await waitingFor(staff), [[`/studies/${zoo}/invitations?invited=failed`]])
})

t.test('whoever works in more studies than are looked at is told that more may wait, if it is for them', async t => {
  const { person } = await colleagueOf(world, lab.organization, { name: 'Mia' })
  const viewing = await colleagueOf(world, lab.organization, { name: 'Viv', role: 'viewer' })
  const [busy, viewer] = [await browserOf(person), await browserOf(viewing.person)]
  const more = ['/studies', 'More may wait in your other studies, on the page of each']
  const before = (await waitingFor(busy)).length
  const made: string[] = []
  const failed = async (title: string) => {
    const { id } = await addStudy(lab.manager, lab.organization, title, ['omh:heart-rate'])
    const { subject } = await enrolled(title.replace(' ', ''), {}, id)
    await failing(subject, 'failed')
    made.push(subject)
    return id
  }
  for (let place = before; place < 50; place++) await failed(`Many ${place}`)
  t.equal((await waitingFor(busy)).length, 50)
  const over = await failed('Aaa')
  t.strictSame((await waitingFor(busy)).at(-1), more)
  t.strictSame(await waitingFor(viewer), [], 'and a viewer of nothing')
  const stored = (await send('everything', 'GET', `ResearchStudy/${over}`)).json()
  await update(lab.manager, { ...stored, status: 'completed' })
  t.equal((await waitingFor(busy)).length, 50, 'what is over takes nobody’s place')
  for (const subject of made) await failing(subject, 'sent')
  t.equal((await waitingFor(busy)).length, before)
})

t.test('a title that is marked up, and one that is written from right to left, stand as they are', async t => {
  const { id } = await addStudy(lab.manager, lab.organization, '<b>مرحبا</b>', ['omh:heart-rate'])
  const { subject } = await enrolled('Marked', {}, id)
  await failing(subject, 'failed')
  const [, text] = (await waitingFor(staff)).find(([at]) => at?.includes(id)) ?? []
  t.equal(text, '\u2068&lt;b&gt;مرحبا&lt;/b&gt;\u2069: the last message to one person failed')
})

t.test('of a consent on paper nobody is recorded as looked at by being counted', async t => {
  const { patient, subject } = await enrolled('Counted')
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await update(lab.manager, {
    ...stored,
    extension: [...stored.extension, { url: extensions.paperConsent, valueBoolean: true }],
  })
  const scan = { field: 'scan', name: 'scan.pdf', content: Buffer.from('%PDF-1.7 the scan') }
  const page = `/studies/${study.id}/people/${subject}/paper`
  const { person } = await colleagueOf(world, lab.organization, { name: 'Rob' })
  const recorder = await browserOf(person)
  const today = new Date().toISOString().slice(0, 10)
  const sent = await recorder.sendFile(page, scan, page, {
    signedOn: today,
    language: 'en',
    'omh:step-count@any': 'yes',
    [`omh:heart-rate@${band}`]: 'no',
  })
  t.equal(sent.status, 303)
  const line = [`/studies/${study.id}?state=paper`, 'Hearts &amp; steps: a consent on paper to check']
  t.strictSame(
    (await waitingFor(staff)).filter(([at]) => at === line[0]),
    [line],
  )
  t.notOk(
    (await waitingFor(recorder)).some(([at]) => at?.endsWith('state=paper')),
    'not to whoever recorded it',
  )
  const { max } = await database.one<{ max: number }>(sql.fragment`SELECT max(id)::integer AS max FROM audit_record`)
  await staff.get('/account')
  const recorded = await database.any<{ type: string; patients: readonly number[] }>(sql.fragment`
    SELECT type, patients FROM audit_record WHERE id > ${max} AND person = ${researcher}`)
  t.ok(recorded.some(({ type }) => type === 'ResearchSubject'))
  t.strictSame(
    recorded.flatMap(({ patients }) => patients),
    [],
    patient.id,
  )
})

t.test('papers wait for those alone who confirm them, and not for everybody who sees who has answered', async t => {
  const [cora, dora] = [
    await colleagueOf(world, lab.organization, { name: 'Cora' }),
    await colleagueOf(world, lab.organization, { name: 'Dora' }),
  ]
  const reader = await colleagueOf(world, lab.organization, { name: 'Ray' })
  const { id } = await addStudy(lab.manager, lab.organization, 'Closed', ['omh:heart-rate'])
  await database.run(sql.fragment`UPDATE research_study SET last_updated = '2026-02-01T12:00:00Z' WHERE id = ${id}`)
  const stored = (await send('everything', 'GET', `ResearchStudy/${id}`)).json()
  await update(lab.manager, {
    ...stored,
    extension: [
      ...stored.extension.filter(({ url }: { url: string }) => url !== extensions.access),
      { url: extensions.access, valueCode: 'staff' },
      { url: extensions.paperConsent, valueBoolean: true },
      works(cora.practitioner, 'coordinator'),
      works(dora.practitioner, 'coordinator'),
      works(reader.practitioner, 'researcher'),
    ],
  })
  const { subject } = await enrolled('Papered', {}, id)
  const page = `/studies/${id}/people/${subject}/paper`
  const scan = { field: 'scan', name: 'scan.pdf', content: Buffer.from('%PDF-1.7 the scan') }
  const form = { signedOn: '2026-03-01', language: 'en', 'omh:heart-rate@any': 'yes' }
  t.equal((await (await browserOf(cora.person)).sendFile(page, scan, page, form)).status, 303)
  const told = async ({ person }: typeof cora) =>
    (await waitingFor(await browserOf(person))).filter(([at]) => at?.startsWith(`/studies/${id}`))
  t.strictSame(await told(dora), [[`/studies/${id}?state=paper`, 'Closed: a consent on paper to check']])
  t.strictSame(await told(cora), [])
  const list = wordsOf(await (await browserOf(reader.person)).get(`/studies/${id}?state=paper`))
  t.match(list, /On paper, to be confirmed: 1/, 'who reads finds it on the list')
  t.strictSame(await told(reader), [], 'and has nothing to do about it')
})
