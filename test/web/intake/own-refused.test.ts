import type { Device } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { sql } from '../../../src/storage/sql.ts'
import { at, point, upload } from '../../mhealth/upload.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, create, send, ann, people, patientToken } = world
t.teardown(() => server.close())
const own = people.patient
const app = await patientToken(ann, 'patient/*.cruds')
const band: Device & { readonly id: string } = await create('everything', {
  resourceType: 'Device',
  deviceName: [{ name: 'Tidewell band', type: 'model-name' }],
  extension: [{ url: extensions.validationPolicy, valueCode: 'strict' }],
})

let count = 0
const uuid = () => `3a6f3c1e-5b7d-4c2a-9e8f-${String(++count).padStart(12, '0')}`
const heartRate = (value: unknown, header: object = {}) =>
  point(
    'omh:heart-rate:2.0',
    { heart_rate: { value, unit: 'bpm' }, effective_time_frame: at },
    { uuid: uuid(), ...header },
  )
const refuse = async (document: unknown, patient = ann, sender = app) => {
  const observation = upload(document, {
    subject: { reference: `Patient/${patient}` },
    device: { reference: `Device/${band.id}` },
  })
  const { statusCode, body } = await send(sender, 'POST', 'Observation', observation)
  t.equal(statusCode, 422)
  return /kept in quarantine as ([\da-f-]{36})/.exec(body)?.[1] ?? ''
}
const list = '/account/refused'
const linked = async (browser = own) =>
  [...(await browser.get(list)).body.matchAll(/href="\/account\/refused\/([\da-f-]{36})/g)].map(([, id]) => id)

t.test('somebody of whom nothing was refused is told so, even without a record', async t => {
  for (const browser of [own, people.manager])
    t.match(wordsOf(await browser.get(list)), /Nothing that was sent for you is waiting here\./)
  t.match((await own.get('/account')).body, `<a href="${list}">`)
  t.notMatch((await people.manager.get('/account')).body, list)
  t.notMatch((await own.get(`/patients/${ann}`)).body, list)
})

t.test('a record that was joined with the shown one is not listed as another', async t => {
  const records = []
  for (const place of [world.lab, world.clinic, world.lab]) {
    const managingOrganization = { reference: `Organization/${place.organization}` }
    records.push((await create('everything', { resourceType: 'Patient', managingOrganization })).id)
  }
  const [first = '', second = '', other = ''] = records
  const person = await world.account(first, second)
  await database.run(sql.fragment`INSERT INTO person_patient (person, patient) VALUES (${person}, ${other})`)
  const both = await world.browserOf(person)
  for (const path of [list, '/account/disclosures'])
    for (const record of records) {
      const { body } = await both.get(`${path}?record=${record}`)
      const others = [...body.matchAll(/Another record of yours: ([^<]+)/g)].map(([, id]) => id)
      t.strictSame(others, record === other ? [first] : [other], `${path} ${records.indexOf(record)}`)
    }
})

t.test(
  'for somebody with several records each of these lists what was refused of it, and nothing of another',
  async t => {
    const managingOrganization = { reference: `Organization/${world.lab.organization}` }
    const [one, other] = [
      await create('everything', { resourceType: 'Patient', managingOrganization }),
      await create('everything', { resourceType: 'Patient', managingOrganization }),
    ]
    const person = await world.account(one.id)
    await database.run(sql.fragment`INSERT INTO person_patient (person, patient) VALUES (${person}, ${other.id})`)
    const parent = await world.browserOf(person)
    const kept = await refuse(heartRate(61), one.id, 'everything')
    const listed = async (record: string) =>
      [
        ...(await parent.get(`${list}?record=${record}`)).body.matchAll(/href="\/account\/refused\/([\da-f-]{36})/g),
      ].map(([, id]) => id)
    t.strictSame([await listed(one.id), await listed(other.id)], [[kept], []])
  },
)

t.test('patients see which of their data was refused: why, from where, how often, and what it says', async t => {
  const document = heartRate('</pre><b>61')
  const id = await refuse(document)
  t.equal(await refuse(document), id)
  t.match(
    wordsOf(await own.get(list)),
    /Heart rate, .* UTC It is not written as such a reading should be\. from Tidewell band, through .*, sent 2 times/,
  )
  t.strictSame(await linked(), [id])
  t.match((await own.get(`/patients/${ann}`)).body, `<a href="${list}?record=${ann}">`, 'their record leads there')
  const shown = await own.get(`${list}/${id}`)
  t.match(shown.body, /<mark> +&quot;value&quot;: &quot;&lt;\/pre&gt;&lt;b&gt;61&quot;,?<\/mark>/)
  t.notMatch(shown.body, '<b>')
  t.match(wordsOf(shown), /Refused: Heart rate .* First received .* Last received /)
})

t.test('in Spanish everything is Spanish, except what is meant for the makers of the app', async t => {
  const person = world.persons.patient
  const spanish = openBrowser(server, { headers: { 'accept-language': 'es' }, remoteAddress: '10.6.0.1' })
  spanish.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  t.match(
    wordsOf(await spanish.get(list)),
    /Mediciones rechazadas .* Frecuencia cardíaca, .* No está escrito como debe .* de .*Tidewell band/,
  )
  t.match(
    wordsOf(await spanish.get(`${list}?sort=x`)),
    /No existe ese orden\. Elija uno de estos: Lo más reciente primero; Lo más antiguo primero Ordenar por /,
  )
  const [id] = await linked()
  t.match((await spanish.get(`${list}/${id}`)).body, /\(en inglés\)<\/h2>\s*<div lang="en">/)
})

t.test('a document that names another person is mentioned, but not shown', async t => {
  const id = await refuse(heartRate(61, { user_id: 'Patient/eve', note: 'a secret of eve' }))
  const shown = await own.get(`${list}/${id}`)
  t.match(wordsOf(shown), /It names somebody other than you\. .* What it says is not shown/)
  t.notMatch(shown.body, 'a secret of eve')
  await own.send(`${list}/${id}`, {}, removal(await own.get(`${list}/${id}`)))
})

const removal = ({ body }: { readonly body: string }): string =>
  /action="(\/account\/refused\/[\da-f-]{36}\/remove[^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? ''

t.test('nobody else sees it at that address, and their form does nothing', async t => {
  const [id = ''] = await linked()
  const { carl } = world
  const other = openBrowser(server, { remoteAddress: '10.6.0.2' })
  const person = await world.account(carl)
  other.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await other.get('/account')).body)?.[1] ?? ''
  t.match(wordsOf(await other.get(list)), /Nothing that was sent for you is waiting here\./)
  t.equal((await other.get(`${list}?record=${ann}`)).status, 404)
  for (const record of ['', `?record=${ann}`]) {
    t.equal((await other.get(`${list}/${id}${record}`)).status, 404)
    await other.post(`${list}/${id}/remove${record}`, { _csrf })
  }
  for (const browser of [people.manager, people.administrator])
    t.equal((await browser.get(`${list}/${id}`)).status, 404)
  t.strictSame(await linked(), [id])
})

t.test('deleting it is recorded, and it is gone for those who handle refused data, too', async t => {
  const [id = ''] = await linked()
  const page = `${list}/${id}`
  const removed = await own.send(page, {}, removal(await own.get(page)))
  t.match([removed.status, removed.location], [303, /done=removed/])
  t.match(wordsOf(await own.get(removed.location ?? '')), /It is deleted\. Nothing that was sent for you is waiting/)
  t.equal((await own.get(page)).status, 404)
  const kept = await database.one(sql.fragment`
    SELECT state, sent, face, issues FROM quarantined_document WHERE id = ${id}::uuid`)
  t.strictSame(kept, { state: 'removed', sent: null, face: null, issues: null })
  t.match(wordsOf(await people.manager.get(`/quarantine/${id}`)), /Removed\./)
  const recorded = await database.any<{ patient: string }>(sql.fragment`
    SELECT patient FROM audit_record WHERE interaction = 'delete' AND type = 'Observation' AND patients <> '{}' AND outcome = 200`)
  t.strictSame(
    recorded,
    [{ patient: ann }, { patient: ann }],
    'of this one, and of the one before that named another person',
  )
})

t.test('a patient who would delete what was accepted meanwhile is told so, and not that it is deleted', async t => {
  const id = await refuse(heartRate(61))
  const page = `${list}/${id}`
  const form = removal(await own.get(page))
  await database.run(sql.fragment`UPDATE quarantined_document SET state = 'taken' WHERE id = ${id}::uuid`)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await own.get('/account')).body)?.[1] ?? ''
  const answer = await own.post(form, { _csrf })
  t.match([answer.status, answer.location], [303, /done=settled/])
  const shown = await own.get(answer.location ?? '')
  t.match(shown.body, '<title>Problem: ')
  t.match(
    wordsOf(shown),
    /It was not deleted here: it had been accepted, or deleted, before\. What was accepted is among your readings\. Nothing/,
  )
})

t.test('a long list has more pages', async t => {
  for (let index = 0; index < 21; index += 1) await refuse(heartRate(`${index}`))
  t.equal((await linked()).length, 20)
  const { body } = await own.get(list)
  const older = /href="([^"]*page=2)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const second = await own.get(older)
  t.match(second.body, /<title>[^<]+, page 2 – Sharewell</)
  t.equal([...second.body.matchAll(/\/account\/refused\/[\da-f-]{36}/g)].length, 1)
  const listed = async (query: string) =>
    [...(await own.get(`${list}?${query}`)).body.matchAll(/href="\/account\/refused\/([\da-f-]{36})/g)].map(
      ([, id]) => id,
    )
  const [latest, oldest] = [
    [...(await listed('')), ...(await listed('page=2'))],
    [...(await listed('sort=oldest')), ...(await listed('sort=oldest&page=2'))],
  ]
  t.same(oldest, latest.toReversed())
  t.match((await own.get(`${list}?sort=oldest`)).body, /page=2">Later<\/a>/)
  const beyond = await own.get(older.replace('page=2', 'page=9'))
  t.match(wordsOf(beyond), /That page of the list is no longer there\. Here is its beginning/)
  t.equal([...beyond.body.matchAll(/\/account\/refused\/[\da-f-]{36}/g)].length, 20)
})
