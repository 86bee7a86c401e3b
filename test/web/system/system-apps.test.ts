import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { consent } from '../../support/study.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, lab, study, people, persons, client, create, enrol, send, token } = world
const { administrator } = people
t.teardown(() => server.close())

const list = '/system/apps'
const diary = await client({ name: 'Heart <diary>', metadata: { launch_uris: ['https://app.example.org/launch'] } })
const desk = await client({ name: 'Study desk', organization: lab.organization })
const stranger = await client({ name: 'Stranger', selfRegistered: true })
const job = await client({
  name: 'Night job',
  policies: ['introspection'],
  metadata: { grant_types: ['client_credentials'] },
})
const at = ({ id }: { readonly id: string }) => `${list}/${id}`
const act = (app: { readonly id: string }, action: string, fields: Readonly<Record<string, string>> = {}) =>
  administrator.send(at(app), fields, `${at(app)}/${action}`)
const namesIn = (body: string) => [...body.matchAll(/<h2><a href="[^"]*">([^<]*)</g)].map(([, name]) => name)
const listed = async (query = '') => namesIn((await administrator.get(`${list}${query}`)).body)

t.test('an administrator sees all apps that are registered, whoever registered them', async t => {
  t.match((await administrator.get('/system')).body, `href="${list}"`)
  const { body } = await administrator.get(list)
  t.same(namesIn(body).toSorted(), ['Heart &lt;diary&gt;', 'Night job', 'Stranger', 'Study desk'])
  t.match(body, `<a href="/organizations/${lab.organization}/apps/${desk.id}">Study desk</a>`)
  const shown = wordsOf({ body })
  t.match(shown, /Study desk App without a secret, of lab May have no/)
  t.match(shown, /Stranger App without a secret, registered itself May have no/)
  t.match(
    shown,
    /Night job Backend service, of the whole installation Besides what its scopes allow, it may ask about the tokens of other clients\. May/,
  )
})

t.test('they find some by name, by who approved them, and in another order, page by page', async t => {
  t.same(await listed('?name=DIARY'), ['Heart &lt;diary&gt;'])
  t.same(await listed('?name=stud%C3%BD'), ['Study desk'], 'accents do not matter')
  t.same(await listed(`?name=${job.id}`), ['Night job'])
  t.same(await listed('?of=itself'), ['Stranger'])
  t.same(await listed('?of=organization'), ['Study desk'])
  t.same(await listed('?of=installation&sort=name'), ['Heart &lt;diary&gt;', 'Night job'])
  await database.run(sql.fragment`UPDATE client SET token_at = now() WHERE id = ${stranger.id}`)
  t.equal((await listed('?sort=used'))[0], 'Stranger')
  t.match(wordsOf(await administrator.get(`${list}?name=nobody`)), /None matches that/)
  for (let count = 0; count < 51; count += 1) await client({ name: `Many ${count}`, selfRegistered: true })
  const first = await administrator.get(`${list}?name=many&of=itself&sort=name`)
  t.equal(namesIn(first.body).length, 50)
  const next = /href="([^"]*)">Next page/.exec(first.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  t.match(next, /name=many&of=itself&sort=name&page=2$/)
  t.same(namesIn((await administrator.get(next)).body), ['Many 9'])
})

t.test('an app that is disabled gets nothing any more, until it is enabled; both are recorded', async t => {
  const reading = await token({
    subject: { kind: 'patient', patient: world.ann },
    scope: 'patient/Patient.rs',
    client: stranger.id,
  })
  const status = async () => (await send(reading, 'GET', `Patient/${world.ann}`)).statusCode
  t.match(wordsOf(await administrator.get(at(stranger))), 'It registered itself: nobody has reviewed it.')
  t.equal(await status(), 200)
  t.match(await act(stranger, 'disable'), { status: 303, location: `${at(stranger)}?done=disabled` })
  t.equal(await status(), 401)
  t.match(wordsOf(await administrator.get(at(stranger))), 'It is disabled: it gets no tokens.')
  t.match(wordsOf(await administrator.get(`${list}?name=stranger`)), /registered itself, disabled/)
  t.match(await act(stranger, 'enable'), { status: 303, location: `${at(stranger)}?done=enabled` })
  t.equal(await status(), 401, 'what it had before does not come back')
  const events = wordsOf(await administrator.get('/system/events'))
  t.match(events, /The app Stranger was enabled.*The app Stranger was disabled/)
})

t.test('what the operator has disabled stays so', async t => {
  await database.run(sql.fragment`
    UPDATE client SET disabled_at = now(), disabled_by_operator = TRUE WHERE id = ${job.id}`)
  t.match(wordsOf(await administrator.get(at(job))), 'The operator of this server has disabled it')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await administrator.get(at(job))).body)?.[1] ?? ''
  t.match(await administrator.post(`${at(job)}/enable`, { _csrf }), { status: 303, location: at(job) })
  t.match(wordsOf(await administrator.get(at(job))), 'The operator of this server has disabled it')
})

t.test('an app records what patients answer as long as an administrator lets it', async t => {
  const patient = await create(lab.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await enrol(lab.manager, study.id, patient.id)
  const subject = { kind: 'patient', patient: patient.id } as const
  const asApp = () => token({ subject, scope: 'patient/Consent.cruds', client: diary.id })
  const answer = async () =>
    (await send(await asApp(), 'POST', 'Consent', consent(patient.id, study.id, lab.organization, ['omh:heart-rate'])))
      .statusCode
  t.equal(await answer(), 403)
  const before = await administrator.get(at(diary))
  t.match(wordsOf(before), /It may not record what patients answer to studies\. .* Let it record answers/)
  t.match(await act(diary, 'records-consent', { to: 'yes' }), { status: 303, location: /done=records-yes$/ })
  t.match(
    wordsOf(await administrator.get(`${list}?name=diary`)),
    'Heart &lt;diary&gt; App without a secret, of the whole installation Besides what its scopes allow, it may record the answers of the patients who use it.',
  )
  t.equal(await answer(), 201)
  t.match(await act(diary, 'records-consent', { to: 'no' }), { status: 303, location: /done=records-no$/ })
  t.equal(await answer(), 403)
  const { launch_uris } = (
    await database.one<{ registration: { launch_uris: string[] } }>(
      sql.fragment`SELECT registration FROM client WHERE id = ${diary.id}`,
    )
  ).registration
  t.same(launch_uris, ['https://app.example.org/launch'], 'nothing else of it is changed')
  t.match(
    wordsOf(await administrator.get('/system/events')),
    /Heart &lt;diary&gt; may no longer record the answers of patients.*may record the answers of patients/,
  )
})

t.test('whoever lets an app that registered itself record answers has reviewed it', async t => {
  await act(stranger, 'records-consent', { to: 'yes' })
  const shown = wordsOf(await administrator.get(at(stranger)))
  t.notMatch(shown, 'It registered itself')
  t.match(shown, 'Let it record no answers')
})

t.test('a form that does not say whether it may changes nothing', async t => {
  const other = await client({ name: 'Other' })
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await administrator.get(at(other))).body)?.[1] ?? ''
  t.match(await administrator.post(`${at(other)}/records-consent`, { _csrf }), { status: 303, location: at(other) })
  t.match(wordsOf(await administrator.get(at(other))), 'It may not record what patients answer')
})

t.test('a service, which no patient uses, records none, and neither does an app that is disabled', async t => {
  const service = await client({ name: 'Day job', metadata: { grant_types: ['client_credentials'] } })
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await administrator.get(at(diary))).body)?.[1] ?? ''
  t.notMatch(wordsOf(await administrator.get(at(service))), 'Answers of patients')
  const refused = await administrator.post(`${at(service)}/records-consent`, { _csrf, to: 'yes' })
  t.match([refused.status, wordsOf(refused)], [409, 'This was not done: It is a service, which no patient uses.'])
  await act(diary, 'disable')
  const late = await administrator.post(`${at(diary)}/records-consent`, { _csrf, to: 'yes' })
  t.match([late.status, wordsOf(late)], [409, 'This was not done: It is disabled.'])
})

t.test('an app of an organization is looked after there, and nobody else finds these pages', async t => {
  t.equal((await administrator.get(at(desk))).status, 404)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await administrator.get(list)).body)?.[1] ?? ''
  t.equal((await administrator.post(`${at(desk)}/disable`, { _csrf })).status, 404)
  for (const who of Object.keys(persons) as (keyof typeof persons)[]) {
    if (who === 'administrator') continue
    const own = /name="_csrf" value="([^"]*)"/.exec((await people[who].get('/account')).body)?.[1] ?? ''
    for (const page of [list, at(stranger)]) t.equal((await people[who].get(page)).status, 404, `${who}: ${page}`)
    for (const action of ['disable', 'enable', 'records-consent'])
      t.equal((await people[who].post(`${at(stranger)}/${action}`, { _csrf: own, to: 'no' })).status, 404, who)
  }
  t.notMatch(wordsOf(await administrator.get(at(stranger))), 'It is disabled')
})
