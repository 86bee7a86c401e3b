import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Device, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { ownerSystem } from '../../../src/access/owner.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { policyMeanings } from '../../../src/mhealth/policy.ts'
import { revokeToken } from '../../../src/storage/authorization/token.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { at, point, upload } from '../../mhealth/upload.ts'
import { wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { consent } from '../../support/study.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, create, update, send, ann, study, lab, people, browserOf, patientToken } = world
t.teardown(() => server.close())
const { manager, administrator, member } = people
const researcher = await browserOf(study.researcher.person)
const app = await patientToken(ann, 'patient/*.cruds patient/Provenance.rs')
const source = async (policy: string): Promise<Device & { readonly id: string }> =>
  create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: 'Tidewell band', type: 'model-name' }],
    extension: [{ url: extensions.validationPolicy, valueCode: policy }],
  })
const relax = async ({ id }: { readonly id: string }) => {
  const { extension: _, ...rest } = (await send('everything', 'GET', `Device/${id}`)).json()
  await update('everything', rest)
}
let count = 0
const heartRate = (unit: string, value: unknown = 61) =>
  point(
    'omh:heart-rate:2.0',
    { heart_rate: { value, unit }, effective_time_frame: at },
    { uuid: `1a6f3c1e-5b7d-4c2a-9e8f-${String(++count).padStart(12, '0')}` },
  )
const post = async (device: string, document: unknown = heartRate('bpm')) =>
  (
    await send(
      app,
      'POST',
      'Observation',
      upload(document, { subject: { reference: `Patient/${ann}` }, device: { reference: `Device/${device}` } }),
    )
  ).statusCode
const put = async (id: string, device: string, document: unknown) =>
  send(app, 'PUT', `Observation/${id}`, {
    ...upload(document, { subject: { reference: `Patient/${ann}` }, device: { reference: `Device/${device}` } }),
    id,
  })
const postAs = async (device: string, more: object) =>
  send(app, 'POST', 'Observation', {
    ...upload(heartRate('beats/min'), {
      subject: { reference: `Patient/${ann}` },
      device: { reference: `Device/${device}` },
    }),
    ...more,
  })
const attached = (bytes: Buffer | string) => ({
  effectiveDateTime: at.date_time,
  valueAttachment: { contentType: 'application/json', data: Buffer.from(bytes).toString('base64') },
})
const keptFrom = (device: string) =>
  database.any<{ id: string; state: string; sent: string | null; observation: string | null }>(sql.fragment`
    SELECT id, state, sent, observation FROM quarantined_document WHERE source = ${device} ORDER BY first_at, id`)
const idOf = async (device: string) => (await keptFrom(device))[0]?.id ?? ''

t.test('whoever leads a study sees refused data by reason; others of the organization do not', async t => {
  const { id } = await source('strict')
  for (const unit of ['bpm', 'bpm', 'BPM']) t.equal(await post(id, heartRate(unit)), 422)
  const page = `/studies/${study.id}/quarantine`
  const list = await manager.get(page)
  t.match(
    list.body,
    'aria-label="Try all again: Not written as such a reading should be, Heart rate (omh:heart-rate:2.0), at /body/heart_rate/unit"',
  )
  const shown = wordsOf(list)
  t.match(
    shown,
    /Not written as such a reading should be Heart rate \(omh:heart-rate:2\.0\), at \/body\/heart_rate\/unit 3 documents, last /,
  )
  t.match(
    shown,
    /One by one Not written as .* be, .*? Heart rate \(omh:heart-rate:2\.0\), at \/body\/heart_rate\/unit Not written/,
    'of each',
  )
  t.notMatch(shown, 'bpm', 'nothing that a document says')
  for (const browser of [member, researcher, people.viewer, people.patient, administrator])
    t.equal((await browser.get(page)).status, 404)
  await relax({ id })
  await manager.send(
    page,
    { rule: 'schema-broken', pointer: '/body/heart_rate/unit', schema: 'omh:heart-rate:2.0' },
    `${page}/replay`,
  )
})

t.test(
  'who takes care of refused data is led to the patient or, if they know them by code, to what they share',
  async t => {
    const { clinic } = world
    const coded = await world.newStudy(clinic.manager, clinic.organization, 'By code', ['omh:heart-rate'], 'coded')
    const place = await create('everything', {
      resourceType: 'ResearchSubject',
      identifier: [{ value: 'K4T7-9PQR' }],
      status: 'candidate',
      study: { reference: `ResearchStudy/${coded.id}` },
      individual: { reference: `Patient/${ann}` },
    })
    const signs = await patientToken(ann, 'patient/Consent.cruds')
    const given = await create(signs, consent(ann, coded.id, clinic.organization, ['omh:heart-rate']))
    const { id } = await source('strict')
    t.equal(await post(id), 422)
    const page = `/quarantine/${await idOf(id)}`
    const byCode = await people['manager of another tenant'].get(page)
    t.match(byCode.body, `<p>Of <a href="/studies/${coded.id}/people/${place.id}">K4T7-9PQR</a>, as it was sent.`)
    t.notMatch(byCode.body, '/patients/', 'it leads to no page that they may not open')
    const named = [...byCode.body.matchAll(/\/studies\/([\w-]+)\/quarantine/g)].map(([, study]) => study)
    t.strictSame(named, [coded.id], 'nor does it tell of another study with which the patient shares such data')
    t.match((await manager.get(page)).body, `<p>Of <a href="/patients/${ann}">this patient</a>, as it was sent.`)
    await update(signs, { ...given, status: 'inactive' })
    await relax({ id })
    await manager.send(page, {}, `${page}/replay`)
  },
)

t.test('refused data is listed by when it came, the latest or the oldest first, or by how often', async t => {
  const { id } = await source('strict')
  const [first, second, third] = [heartRate('bpm'), heartRate('bpm'), heartRate('bpm', 'x')]
  for (const document of [first, second, first, third]) t.equal(await post(id, document), 422)
  const names = new Map((await keptFrom(id)).map((one, index) => [one.id, ['first', 'second', 'third'][index]]))
  const page = `/devices/${id}/quarantine`
  const shown = async (query: string) => {
    const { body } = await manager.get(`${page}?${query}`)
    const reasons = [...body.matchAll(/(?:One|\d) documents?, (?:sent \d times, )?last/g)].map(([count]) => count)
    const listed = [...body.matchAll(/href="\/quarantine\/([\da-f-]{36})"/g)].map(([, one = '']) => names.get(one))
    return { reasons, listed }
  }
  const [one, two] = ['One document, last', '2 documents, sent 3 times, last']
  t.same(await shown(''), { reasons: [one, two], listed: ['third', 'first', 'second'] })
  t.same(await shown('sort=oldest'), { reasons: [two, one], listed: ['second', 'first', 'third'] })
  t.same(await shown('sort=often'), { reasons: [two, one], listed: ['first', 'third', 'second'] })
  const { body } = await manager.get(`${page}?state=settled&sort=weight`)
  t.match(body, '<title>Problem: Refused documents')
  t.match(body, 'There is no such order. Choose one of these: Latest first; Oldest first; Most often sent first')
  t.match(body, '<input type="hidden" name="state" value="settled">')
  await relax({ id })
})

t.test('one document is shown with the fault marked, and what each policy would make of it', async t => {
  const { id } = await source('strict')
  await post(id, heartRate('bpm', '</pre><b>1.10'))
  const shown = await manager.get(`/quarantine/${await idOf(id)}`)
  t.match(shown.body, 'href="/devices" aria-current="page"')
  t.match(shown.body, /<mark> +&quot;value&quot;: &quot;&lt;\/pre&gt;&lt;b&gt;1.10&quot;,?<\/mark>/)
  t.notMatch(shown.body, '<b>')
  t.match(wordsOf(shown), /Accept with warning It would be accepted\./)
})

t.test(
  'invalid JSON is shown as text, binary data by its size, and an Observation with the place of its fault',
  async t => {
    const shownOf = async (more: object) => {
      const { id } = await source('strict')
      await postAs(id, more)
      const page = await manager.get(`/quarantine/${await idOf(id)}`)
      t.notMatch(page.body, '<b>')
      return page
    }
    const text = await shownOf(attached('{"heart_rate": </pre><b>61'))
    t.match(
      wordsOf(text),
      /Its content cannot be read Of unknown kind Outcome .* It cannot be laid out in its parts\. This is its text:/,
    )
    t.match(text.body, '{&quot;heart_rate&quot;: &lt;/pre&gt;&lt;b&gt;61</pre>')
    t.match(
      wordsOf(await shownOf(attached(Buffer.from([0xff, 0xfe, 0x00])))),
      /Its text has characters that cannot be read .* 3 bytes that are not text\./,
    )
    const broken = {
      effectiveDateTime: at.date_time,
      valueAttachment: { contentType: 'application/json', data: 'no <b> base64' },
    }
    t.match((await shownOf(broken)).body, 'no &lt;b&gt; base64</pre>')
    const contradiction = await shownOf({ valueString: 'high' })
    t.match(wordsOf(contradiction), /It contradicts itself Heart rate \(omh:heart-rate:2\.0\), at Observation\.value/)
    t.match(contradiction.body, /<mark> +&quot;valueString&quot;: &quot;high&quot;,?<\/mark>/)
    t.match(contradiction.body, /&quot;data&quot;: &quot;…&quot;/)
    t.match(wordsOf(await shownOf({ code: { text: 'Pulse' }, ...attached('61') })), /to nobody\. You may not read it\./)
  },
)

t.test('nothing in a document reverses its lines, hides, or makes the page as long as the document', async t => {
  const shownOf = async (document: unknown) => {
    const { id } = await source('strict')
    await post(id, document)
    const list = await manager.get(`/devices/${id}/quarantine`)
    const page = await manager.get(`/quarantine/${await idOf(id)}`)
    t.equal(page.status, 200)
    t.notMatch(wordsOf(list) + wordsOf(page), /[\u200b-\u200f\u202a-\u202e\u2066-\u2069]/)
    return { list: list.body, page: page.body }
  }
  const turned = await shownOf(heartRate('b\u202emp', '\u2066\u200b16'))
  t.match(turned.page, 'b\\u202emp')
  t.match(turned.page, '\\u2066\\u200b16')
  const named = await shownOf(point('omh:heart-rate\u202e:2.0', { heart_rate: { value: 61, unit: 'bpm' } }))
  t.match(named.list, 'heart-rate\\u202e')
  const long = await shownOf(heartRate('bpm', '"'.repeat(500_000)))
  t.ok(long.page.length < 40_000, `${long.page.length}`)
  t.match(long.page, /… \(10000\d\d characters\)/)
})

t.test('whoever may not read such data of the patient sees the reason, and never the document', async t => {
  const { id } = await source('strict')
  await post(id, heartRate('bpm', 'secret'))
  const shown = await administrator.get(`/quarantine/${await idOf(id)}`)
  t.match(wordsOf(shown), /You may not read it\./)
  for (const said of ['secret', ann, 'Ann']) t.notMatch(shown.body, said)
  for (const browser of [
    people['manager of another tenant'],
    people['manager of the ward'],
    member,
    researcher,
    people.patient,
  ])
    t.equal((await browser.get(`/quarantine/${await idOf(id)}`)).status, 404)
})

t.test('mended data is taken with the rights of its sender, once, and the document is removed', async t => {
  const { id } = await source('strict')
  await post(id)
  const page = `/quarantine/${await idOf(id)}`
  t.match(await manager.send(page, {}, `${page}/replay`), { status: 303, location: `${page}?done=refused` })
  t.match(wordsOf(await manager.get(page)), /Refused again .*Try again/)
  await relax({ id })
  t.match(await manager.send(page, {}, `${page}/replay`), { status: 303, location: `${page}?done=taken` })
  const [kept] = await keptFrom(id)
  t.match(kept, { state: 'taken', sent: null })
  const stored = (await send(app, 'GET', `Observation/${kept?.observation}`)).json()
  t.match(stored, { subject: { reference: `Patient/${ann}` }, valueQuantity: { value: 61 } })
  const { entry } = (
    await send(app, 'GET', `Provenance?target=Observation/${kept?.observation}&agent-type=assembler`)
  ).json()
  t.match(entry, [{ resource: { agent: [{ who: { reference: `Patient/${ann}` } }] } }], 'in the name of its sender')
  t.match(wordsOf(await manager.get(`${page}?done=taken`)), /It has been accepted\. .* Outcome Accepted /)
})

t.test('of what is sent again, what counts is who sent it last, and what it changes then', async t => {
  const { id: device } = await source('strict')
  const subject = { reference: `Patient/${ann}` }
  const sending = (document: unknown) => upload(document, { subject, device: { reference: `Device/${device}` } })
  const [broken, wide] = [heartRate('bpm'), await patientToken(ann, 'patient/*.cruds')]
  t.equal((await send(wide, 'POST', 'Observation', sending(broken))).statusCode, 422)
  await revokeToken(database, wide)
  t.equal((await send(app, 'POST', 'Observation', sending(broken))).statusCode, 422)
  const [page = ''] = (await keptFrom(device)).map(({ id }) => `/quarantine/${id}`)

  const made = await send(app, 'POST', 'Observation', sending(heartRate('beats/min', 51)))
  const { id } = made.json()
  const late = heartRate('bpm', 64)
  t.equal((await put(id, device, late)).statusCode, 422)
  t.equal((await put(id, device, heartRate('beats/min', 65))).statusCode, 200)
  t.equal((await put(id, device, late)).statusCode, 422)
  const [, change = ''] = (await keptFrom(device)).map(({ id }) => `/quarantine/${id}`)

  await relax({ id: device })
  for (const one of [page, change])
    t.match(await manager.send(one, {}, `${one}/replay`), { location: `${one}?done=taken` })
  t.match((await send(app, 'GET', `Observation/${id}`)).json(), {
    meta: { versionId: '3' },
    valueQuantity: { value: 64 },
  })
})

t.test(
  'what somebody else removes, or has taken, at the same moment is not taken; of what is sent again, the last counts',
  async t => {
    /** Where those end who try it again while `also` happens. */
    const tried = async (times: number, also: (connection: Connection, source: string) => Promise<unknown>) => {
      const { id } = await source('strict')
      await post(id)
      await relax({ id })
      const page = `/quarantine/${await idOf(id)}`
      const { trying } = await database.transaction(async connection => {
        await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
        const trying = Array.from({ length: times }, () => manager.send(page, {}, `${page}/replay`))
        await someoneWaits(connection, times)
        await also(connection, id)
        return { trying: Promise.all(trying) }
      })
      const ends = (await trying).map(({ location }) => location?.replace(page, '')).toSorted()
      const { total } = (await send('everything', 'GET', `Observation?device=Device/${id}&_total=accurate`)).json()
      return { ends, total }
    }
    const removed = await tried(1, (connection, source) =>
      connection.run(sql.fragment`UPDATE quarantined_document SET state = 'removed' WHERE source = ${source}`),
    )
    t.same(removed, { ends: ['?done=settled'], total: 0 })
    t.same(await tried(2, async () => {}), { ends: ['?done=settled', '?done=taken'], total: 1 })
    const sentAgain = (hash: string) => (connection: Connection, source: string) =>
      connection.run(sql.fragment`
      UPDATE quarantined_document SET times = times + 1, hash = CASE ${hash} WHEN 'gone' THEN sha256('gone') ELSE hash END
      WHERE source = ${source}`)
    t.same(await tried(1, sentAgain('same')), { ends: ['?done=taken'], total: 1 })
    t.same(
      await tried(1, sentAgain('gone')),
      { ends: ['?done=refused'], total: 0 },
      'who sent it last may not any more',
    )
  },
)

/** What is recorded about who had it taken. */
const writtenBy = async (person: string, observation: string) =>
  (
    await database.any<{ interaction: string }>(sql.fragment`
      SELECT interaction FROM audit_record WHERE person = ${person} AND resource = ${observation} AND outcome < 300
        AND interaction IN ('create', 'update')`)
  ).map(({ interaction }) => interaction)

t.test('an update is tried again as an update, and never over a later change', async t => {
  const { id: device } = await source('strict')
  const made = async () => {
    await post(device, heartRate('beats/min', 50 + count))
    const { entry } = (await send(app, 'GET', `Observation?device=${device}&_sort=-_lastUpdated&_count=1`)).json()
    return entry[0].resource.id as string
  }
  const [one, other] = [await made(), await made()]
  for (const id of [one, other]) t.equal((await put(id, device, heartRate('bpm', 64))).statusCode, 422)
  const pages = (await keptFrom(device)).map(({ id }) => `/quarantine/${id}`)
  const [page = '', changed = ''] = pages
  t.match(wordsOf(await manager.get(page)), /Sent as a change of an earlier reading/)
  t.equal((await put(other, device, heartRate('beats/min', 65))).statusCode, 200)
  await relax({ id: device })
  t.match(await manager.send(page, {}, `${page}/replay`), { location: `${page}?done=taken` })
  t.strictSame(
    await writtenBy(world.persons.manager, one),
    ['update'],
    'whoever had it taken is recorded as who updates',
  )
  t.match((await send(app, 'GET', `Observation/${one}`)).json(), {
    meta: { versionId: '2' },
    valueQuantity: { value: 64 },
  })
  t.match(await manager.send(changed, {}, `${changed}/replay`), { location: `${changed}?done=refused` })
  t.match(wordsOf(await manager.get(changed)), /Refused again .*: the reading that it would change has been changed/)
  t.match((await send(app, 'GET', `Observation/${other}`)).json(), {
    meta: { versionId: '2' },
    valueQuantity: { value: 65 },
  })
})

t.test('an update by criteria that matched nothing is not taken for what they match by now', async t => {
  const { id: device } = await source('strict')
  const identifier = [{ system: 'urn:test', value: 'once' }]
  const subject = { reference: `Patient/${ann}` }
  const sent = { ...upload(heartRate('bpm'), { subject, device: { reference: `Device/${device}` } }), identifier }
  t.equal((await send(app, 'PUT', 'Observation?identifier=urn:test|once', sent)).statusCode, 422)
  const page = `/quarantine/${await idOf(device)}`
  t.equal((await postAs(device, { identifier })).statusCode, 201)
  await relax({ id: device })
  t.match(await manager.send(page, {}, `${page}/replay`), { location: `${page}?done=refused` })
  t.match(wordsOf(await manager.get(page)), /Refused again .*: the reading that it would change has been changed/)
  t.match(await keptFrom(device), [{ state: 'waiting', observation: null }])
})

t.test('nothing is taken unless it is recorded who had it taken, and it can be tried again', async t => {
  const { id } = await source('strict')
  await post(id)
  await relax({ id })
  const page = `/quarantine/${await idOf(id)}`
  const byStaff = { meant: sql.fragment`NEW.interaction = 'create' AND NEW.practitioner IS NOT NULL` }
  const lost = await whileGoneAt(database, 'audit_record', () => manager.send(page, {}, `${page}/replay`), byStaff)
  t.equal(lost.status, 503)
  t.match(await keptFrom(id), [{ state: 'waiting', observation: null }])
  t.match(await manager.send(page, {}, `${page}/replay`), { location: `${page}?done=taken` })
  const [{ observation } = { observation: null }] = await keptFrom(id)
  t.strictSame(await writtenBy(world.persons.manager, observation ?? ''), ['create'])
})

t.test('a resource that refers to one that was refused with it is not taken alone', async t => {
  const { id } = await source('strict')
  const fullUrl = 'urn:uuid:6f4c8f0e-8f3b-4d0e-9d57-0c7f1f1f0002'
  const of = (document: unknown, more: object = {}) => ({
    resource: {
      ...upload(document, { subject: { reference: `Patient/${ann}` }, device: { reference: `Device/${id}` } }),
      ...more,
    },
    request: { method: 'POST', url: 'Observation' },
  })
  const entry = [
    { ...of(heartRate('beats/min', 77)), fullUrl },
    of(heartRate('bpm'), { hasMember: [{ reference: fullUrl }] }),
  ]
  t.equal((await send(app, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).statusCode, 422)
  await relax({ id })
  const page = `/quarantine/${await idOf(id)}`
  const shown = wordsOf(await manager.get(page))
  t.match(shown, /and refused with it\. So it cannot be accepted alone/)
  t.notMatch(shown, 'Try again')
  const list = `/devices/${id}/quarantine`
  const reason = { rule: 'schema-broken', pointer: '/body/heart_rate/unit', schema: 'omh:heart-rate:2.0' }
  t.match(await manager.send(list, reason, `${list}/replay`), { location: `${list}?taken=0&refused=1` })
  t.match(wordsOf(await manager.get(page)), /Refused again .*: it refers to what was sent with it/)
})

t.test('all with the same reason are tried at once, and the page says how many were taken', async t => {
  const { id } = await source('strict')
  await post(id)
  await post(id)
  await post(id, heartRate('beats/min', 'high'))
  await relax({ id })
  const page = `/devices/${id}/quarantine`
  const reason = { rule: 'schema-broken', pointer: '/body/heart_rate/unit', schema: 'omh:heart-rate:2.0' }
  t.match(await manager.send(page, reason, `${page}/replay`), { status: 303, location: `${page}?taken=2&refused=0` })
  t.match(wordsOf(await manager.get(`${page}?taken=2&refused=0`)), /2 of them were accepted, 0 refused again\./)
  const inVain = await manager.get(`${page}?taken=0&refused=2`)
  t.match(inVain.body, /<title>Problem: .*role="alert"[^>]*><p>0 of them/s, 'this is not shown as a success')
  t.strictSame((await keptFrom(id)).map(({ state }) => state).toSorted(), ['taken', 'taken', 'waiting'])
})

t.test('if there are more than are tried at once, those that were not tried, or longest ago, come first', async t => {
  const { id } = await source('strict')
  const documents = Array.from({ length: 102 }, () => heartRate('bpm'))
  for (const document of documents) await post(id, document)
  await relax({ id })
  const revoke = (at: 'now' | null) =>
    database.run(sql.fragment`UPDATE token SET revoked_at = ${at}::timestamptz WHERE hash IN (
      SELECT hash FROM quarantined_document WHERE source = ${id})`)
  const page = `/devices/${id}/quarantine`
  const reason = { rule: 'schema-broken', pointer: '/body/heart_rate/unit', schema: 'omh:heart-rate:2.0' }
  await revoke('now')
  const left = { status: 303, location: `${page}?taken=0&refused=100&left=yes` }
  t.match(await manager.send(page, reason, `${page}/replay`), left)
  const tried = await database.any<{ position: number }>(sql.fragment`
    SELECT position::integer FROM (
      SELECT tried_at, row_number() OVER (ORDER BY last_at) AS position FROM quarantined_document WHERE source = ${id}) AS document
    WHERE tried_at IS NULL ORDER BY position`)
  t.strictSame(tried, [{ position: 101 }, { position: 102 }])
  await revoke(null)
  t.match(await manager.send(page, reason, `${page}/replay`), { location: `${page}?taken=100&refused=0&left=yes` })
  t.match(await manager.send(page, reason, `${page}/replay`), { location: `${page}?taken=2&refused=0` })
})

t.test('nothing more is taken from an app that may no longer write', async t => {
  const { id } = await source('strict')
  await post(id)
  await relax({ id })
  const page = `/quarantine/${await idOf(id)}`
  await database.run(sql.fragment`
    INSERT INTO authorization_grant (id, person_id, client_id, scope, expires_at)
    SELECT 'ended', 'somebody', client_id, scope, now() + interval '1 day' FROM quarantined_document WHERE source = ${id}`)
  await database.run(sql.fragment`UPDATE quarantined_document SET grant_id = 'ended' WHERE source = ${id}`)
  const ends: Readonly<Record<string, (at: 'now' | null) => Promise<number>>> = {
    'its token was revoked': at =>
      database.run(sql.fragment`UPDATE token SET revoked_at = ${at}::timestamptz WHERE hash = (
        SELECT hash FROM quarantined_document WHERE source = ${id})`),
    'its grant was revoked, of which no token is left': at =>
      database.run(sql.fragment`UPDATE authorization_grant SET revoked_at = ${at}::timestamptz WHERE id = 'ended'`),
    'it was disabled': at =>
      database.run(sql.fragment`UPDATE client SET disabled_at = ${at}::timestamptz WHERE id = (
        SELECT client_id FROM quarantined_document WHERE source = ${id})`),
  }
  for (const [why, end] of Object.entries(ends)) {
    await end('now')
    t.match(await manager.send(page, {}, `${page}/replay`), { location: `${page}?done=refused` }, why)
    t.match(wordsOf(await manager.get(page)), /consents and rights no longer allow its sender to write it/, why)
    await end(null)
  }
  t.match(await manager.send(page, {}, `${page}/replay`), { location: `${page}?done=taken` })
})

t.test('removed data is gone, and who removed it is recorded', async t => {
  const { id } = await source('strict')
  await post(id)
  const page = `/quarantine/${await idOf(id)}`
  t.match(wordsOf(await manager.get(page)), /Remove it Its content is deleted\. Nobody can have it accepted .* Remove/)
  t.match(await manager.send(page, {}, `${page}/remove`), { location: `/devices/${id}/quarantine?removed=yes` })
  t.match(await keptFrom(id), [{ state: 'removed', sent: null }])
  const listed = async (state: string) =>
    [
      ...(await manager.get(`/devices/${id}/quarantine${state}`)).body.matchAll(/href="(\/quarantine\/[\da-f-]{36})"/g),
    ].map(([, path]) => path)
  t.strictSame([await listed(''), await listed('?state=settled')], [[], [page]])
  const { person } = await database.one<{ person: string }>(sql.fragment`
    SELECT person FROM audit_record WHERE interaction = 'delete' AND type = 'Observation' AND cardinality(patients) = 1`)
  t.equal(person, world.persons.manager)
})

t.test('whoever would remove what somebody else has had accepted meanwhile is not told that it is removed', async t => {
  const { id } = await source('strict')
  await post(id)
  await relax({ id })
  const page = `/quarantine/${await idOf(id)}`
  t.match(await people.administrator.send(page, {}, `${page}/replay`), { location: `${page}?done=taken` })
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await manager.get('/account')).body)?.[1] ?? ''
  const answer = await manager.post(`${page}/remove`, { _csrf })
  t.match(answer, { status: 303, location: `${page}?done=settled` })
  t.match(wordsOf(await manager.get(answer.location ?? '')), /It had been dealt with already\./)
  t.match(await keptFrom(id), [{ state: 'taken' }])
})

t.test('what one study removes stays for the others, and is gone once the last of them removes it', async t => {
  const { id } = await source('strict')
  await post(id)
  const document = await idOf(id)
  const hospital = await world.institution('hospital')
  const theirs = await world.newStudy(hospital.manager, hospital.organization, 'hospitals', ['omh:heart-rate'])
  for (const one of [theirs.id, world.clinic.study])
    await database.run(sql.fragment`
      INSERT INTO quarantined_for (study_id, id) VALUES (${one}, ${document}::uuid)`)
  await database.run(sql.fragment`
    DELETE FROM quarantined_for WHERE id = ${document}::uuid AND study_id = ${study.id}`)
  const [page, other] = [`/quarantine/${document}`, people['manager of another tenant']]
  const first = await world.browserOf(await world.staff(hospital.organization, 'manager'))
  t.match(await first.send(page, {}, `${page}/remove`), { location: `/studies/${theirs.id}/quarantine?removed=yes` })
  t.match(await keptFrom(id), [{ state: 'waiting', sent: /valueAttachment/ }])
  t.strictSame([(await first.get(page)).status, (await other.get(page)).status], [404, 200])
  t.match(await other.send(page, {}, `${page}/remove`), {
    location: `/studies/${world.clinic.study}/quarantine?removed=yes`,
  })
  t.match(await keptFrom(id), [{ state: 'removed', sent: null }])
})

t.test('managers see what came from a source for their own patients, by day and by upload', async t => {
  const { id } = await source('normalise')
  await post(id)
  await post(id, heartRate('beats/min', 'high'))
  const page = `/devices/${id}/uploads`
  t.match(
    wordsOf(await manager.get(page)),
    /The last 30 days, by UTC \d{4}-\d\d-\d\d: 2 uploads 1 accepted, of these 1 repaired; 1 refused Uploads .*, by Command line 1 refused .*, by Command line 1 accepted, of these 1 repaired /,
  )
  t.match(
    wordsOf(await manager.get(`${page}?sort=oldest`)),
    /by Command line 1 accepted, of these 1 repaired .*, by Command line 1 refused Back to/,
  )
  t.match((await manager.get(`${page}?sort=x`)).body, /<title>Problem: Data received.*id="sort-problem">There is no/s)
  t.match(wordsOf(await people['manager of another tenant'].get(page)), /Nothing has been received yet\./)
  t.match((await manager.get('/devices')).body, page)
  t.notMatch((await member.get('/devices')).body, page)
})

t.test('whoever manages a source sees what it sent for patients of their tenant, and for no others', async t => {
  const ofOrganization = (id: string) =>
    create('everything', {
      resourceType: 'Device',
      deviceName: [{ name: 'Tidewell band', type: 'model-name' }],
      meta: { tag: [{ system: ownerSystem, code: id }] },
      extension: [{ url: extensions.validationPolicy, valueCode: 'strict' }],
    })
  const alone = await create('everything', { resourceType: 'Patient', name: [{ text: 'Alone' }] })
  const refused = async (patient: string, device: string): Promise<string> => {
    const references = { subject: { reference: `Patient/${patient}` }, device: { reference: `Device/${device}` } }
    const { body } = await send('everything', 'POST', 'Observation', upload(heartRate('bpm', 'high'), references))
    return /kept in quarantine as ([\da-f-]{36})/.exec(body)?.[1] ?? body
  }
  const [ofWard, ofLab, ofClinic] = await Promise.all(
    [world.ward, lab.organization, world.clinic.organization].map(ofOrganization),
  )
  const own = await create('everything', {
    resourceType: 'Device',
    patient: { reference: `Patient/${ann}` },
    meta: { tag: [{ system: ownerSystem, code: world.ward }] },
    extension: [{ url: extensions.validationPolicy, valueCode: 'strict' }],
  })
  const documents = {
    'of Ann, from the ward': await refused(ann, ofWard?.id ?? ''),
    'of Ann, from the lab': await refused(ann, ofLab?.id ?? ''),
    'of Ann, from the clinic': await refused(ann, ofClinic?.id ?? ''),
    'of Ann, from her own': await refused(ann, own.id),
    'of Carl, from the ward': await refused(world.carl, ofWard?.id ?? ''),
    'of nobody’s patient, from the ward': await refused(alone.id, ofWard?.id ?? ''),
  }
  const seenBy = async (person: keyof typeof people): Promise<readonly string[]> => {
    const seen: string[] = []
    for (const [name, id] of Object.entries(documents))
      if ((await people[person].get(`/quarantine/${id}`)).status === 200) seen.push(name)
    return seen
  }
  t.strictSame(
    {
      'manager of the ward': await seenBy('manager of the ward'),
      manager: await seenBy('manager'),
      'manager of another tenant': await seenBy('manager of another tenant'),
      administrator: await seenBy('administrator'),
      member: await seenBy('member'),
    },
    {
      'manager of the ward': ['of Ann, from the ward'],
      manager: ['of Ann, from the ward', 'of Ann, from the lab', 'of Ann, from the clinic', 'of Ann, from her own'],
      'manager of another tenant': ['of Carl, from the ward'],
      administrator: Object.keys(documents),
      member: [],
    },
  )
})

t.test('documents that come as updates count as those that are created do', async t => {
  const { id } = await source('strict')
  const uuid = '1a6f3c1e-5b7d-4c2a-9e8f-999999999999'
  const saying = (value: number, unit = 'beats/min') =>
    point('omh:heart-rate:2.0', { heart_rate: { value, unit }, effective_time_frame: at }, { uuid })
  await post(id, saying(61))
  const { observation } = await database.one<{ observation: string }>(
    sql.fragment`SELECT id AS observation FROM observation ORDER BY pk DESC LIMIT 1`,
  )
  const counted = async () =>
    /days, by UTC \S+ (.*?) Uploads/.exec(wordsOf(await manager.get(`/devices/${id}/uploads`)))?.[1]
  t.equal(await counted(), 'one upload 1 accepted')
  t.equal((await put(observation, id, saying(63))).statusCode, 200)
  t.equal(await counted(), '2 uploads 2 accepted')
  t.equal((await put(observation, id, saying(64, 'bpm'))).statusCode, 422)
  t.equal(await counted(), '3 uploads 2 accepted; 1 refused')
  t.equal((await put('none-here', id, saying(65))).statusCode, 404)
  t.equal(await counted(), '3 uploads 2 accepted; 1 refused', 'what nobody may write is not counted')
})

t.test('how strictly documents are validated is set on a page of the source and of the study', async t => {
  const { id } = await source('strict')
  const ofSource = `/devices/${id}/policy`
  const docs = await readFile(join(import.meta.dirname, '../../../docs/open-mhealth.md'), 'utf8')
  for (const said of Object.values(policyMeanings)) t.ok(docs.replaceAll(/\s+/g, ' ').includes(said), said)
  t.match((await administrator.get(ofSource)).body, /value="strict" checked/)
  t.match(await administrator.send(ofSource, { policy: 'normalise' }), { location: '/devices?done=changed' })
  t.match((await send('everything', 'GET', `Device/${id}`)).json().extension, [{ valueCode: 'normalise' }])
  t.match(await administrator.send(ofSource, { policy: 'none' }), { status: 303 })
  t.equal((await send('everything', 'GET', `Device/${id}`)).json().extension, undefined)
  const sloppy = await administrator.send(ofSource, { policy: 'sloppy' })
  t.match([sloppy.status, wordsOf(sloppy)], [422, /Choose one of these/])
  const ofStudy = `/studies/${study.id}/settings/policy`
  t.match(await manager.send(ofStudy, { policy: 'strict' }), { location: `/studies/${study.id}/settings?done=policy` })
  const stored: ResearchStudy = (await send(lab.manager, 'GET', `ResearchStudy/${study.id}`)).json()
  t.match(
    stored.extension?.find(({ url }) => url === extensions.validationPolicy),
    { valueCode: 'strict' },
  )
  t.match(wordsOf(await manager.get(`/studies/${study.id}/settings`)), /How strictly documents are checked Strict/)
  t.equal((await manager.send(ofStudy, { policy: 'none' })).status, 303)
})
