import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { extensions, standardExtensions, systems } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, type Shown, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { looseNarrative } from '../loose-narrative.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, people, persons, lab, clinic, create, send, staff, browserOf } = world
t.teardown(() => server.close())
t.setTimeout(240_000)

const { member, manager, viewer } = people
const outsiders = ['viewer', 'manager of another tenant', 'patient', 'administrator', 'privacy officer'] as const
const newStudy = `/organizations/${lab.organization}/studies/new`
const said = {
  title: 'Sleep & <steps>',
  purpose: 'How sleep and steps go together',
  approval: 'EK 17/2026',
  start: '2026-01-01',
  end: '',
  contact: 'Rita Research',
  email: 'rita@example.org',
  phone: '',
  identity: 'coded',
  access: 'organization',
}
const read = async (id: string): Promise<ResearchStudy> =>
  (await send('everything', 'GET', `ResearchStudy/${id}`)).json()
const made = async (more: Partial<typeof said> = {}, by = member): Promise<string> => {
  const first = await by.send(newStudy, { ...said, ...more })
  // Most of these studies have the same title.
  const [, anyway] = /name="anyway" value="([^"]*)"/.exec(first.body) ?? []
  const answer = anyway === undefined ? first : await by.send(newStudy, { ...said, ...more, anyway })
  return /^\/studies\/([^/]+)\/settings/.exec(answer.location ?? '')?.[1] ?? `${answer.status} ${wordsOf(answer)}`
}
const heartRate = { kind: 'omh:heart-rate', source: '', reason: 'To see how it beats' }
const english = {
  'key-facts': 'It is your choice.',
  'who-and-why': 'The lab receives your heart rate.',
  duration: 'Two years.',
  withdrawal: 'Press a button, and nobody reads it any more.',
  contact: 'Rita Research',
  promise: 'hide',
}
/** A study that can ask patients. */
const ready = async (): Promise<string> => {
  const id = await made()
  const page = `/studies/${id}/settings`
  await member.send(`${page}/data`, heartRate)
  await member.send(`${page}/text/draft/en`, english)
  await member.send(`${page}/text`, {}, `${page}/text/publish`)
  return id
}

t.test(
  'a study that asks patients already is not said to be unable to, and one that is over lacks nothing',
  async t => {
    const id = await ready()
    const { meta: _, extension = [], ...study } = await read(id)
    const withoutReason = extension.map(one =>
      one.url === extensions.requestedData
        ? { ...one, extension: one.extension?.filter(({ url }) => url !== 'reason') }
        : one,
    )
    const needs = async (status: string) => {
      await send('everything', 'PUT', `ResearchStudy/${id}`, { ...study, status, extension: withoutReason })
      return /[^.]*still needs[^.]*\./.exec(wordsOf(await member.get(`/studies/${id}/settings`)))?.[0].trim()
    }
    t.match(
      await needs('in-review'),
      /Before patients can be asked, the study still needs: the reason for some of the data \.$/,
    )
    t.match(await needs('active'), /The study still needs: the reason for some of the data \.$/)
    t.equal(await needs('completed'), undefined)
  },
)

t.test('a member makes a study step by step, and it is a ResearchStudy with its Group', async t => {
  const id = await made()
  const page = `/studies/${id}/settings`
  t.match((await member.get(page)).body, `<p><a href="/studies/${id}">Sleep &amp; &lt;steps&gt;</a></p>`)
  t.match(
    (await member.get(`${page}/status`)).body,
    `<p><a href="${page}">Settings of Sleep &amp; &lt;steps&gt;</a></p>`,
  )
  t.match(
    wordsOf(await member.get(page)),
    /Before patients can be asked, the study still needs: the data that the study asks for , a published text for patients \./,
  )
  t.match(
    (await member.get(page)).body,
    `<a href="${page}/data">the data that the study asks for</a>, <a href="${page}/text">a published text for patients</a>.`,
  )
  const empty = await member.get(`/studies/${id}`)
  t.match(wordsOf(empty), /Before patients can be asked, the study still needs: .* Nobody is in this study yet/)
  t.notMatch(empty.body, 'name="find"', 'without anybody there is no search')
  t.match((await member.get(`/studies/${id}?find=x`)).body, 'name="find"')
  const early = await member.send(`${page}/status`, { status: 'active' })
  t.match(
    [early.status, wordsOf(early)],
    [422, /Patients cannot be asked yet\. The study still needs: the data that the study asks for/],
  )
  await member.send(`${page}/data`, heartRate)
  await member.send(`${page}/text/draft/en`, english)
  const published = await member.send(`${page}/text`, {}, `${page}/text/publish`)
  t.match(
    wordsOf(await member.get(published.location ?? '')),
    /Nobody is asked to sign it before the study is active\. The study has everything .* set its status to “Active”/,
  )
  const active = await member.send(`${page}/status`, { status: 'active' })
  t.match(
    wordsOf(await member.get(active.location ?? '')),
    'Saved: the study is active. Patients are invited on the page of the study.',
  )
  t.notMatch(wordsOf(await member.get(`/studies/${id}`)), /still needs|has everything/)
  t.match(wordsOf(await member.get(`${page}?done=text`)), /published\. Everybody in the study is asked to sign it\./)
  const { meta: _, enrollment: [group] = [], ...study } = await read(id)
  t.match((await send('everything', 'GET', group?.reference ?? '')).json(), { name: said.title })
  t.same(study, {
    resourceType: 'ResearchStudy',
    id,
    status: 'active',
    title: said.title,
    description: said.purpose,
    identifier: [{ use: 'official', type: { text: 'Approval number' }, value: said.approval }],
    period: { start: said.start },
    contact: [{ name: said.contact, telecom: [{ system: 'email', value: said.email }] }],
    sponsor: { reference: `Organization/${lab.organization}` },
    extension: [
      { url: extensions.identity, valueCode: 'coded' },
      { url: extensions.access, valueCode: 'organization' },
      {
        url: extensions.requestedData,
        extension: [
          {
            url: 'kind',
            valueCodeableConcept: { coding: [{ system: systems.omh, code: 'omh:heart-rate' }], text: 'Heart rate' },
          },
          { url: 'reason', valueString: heartRate.reason },
        ],
      },
      {
        url: extensions.patientText,
        extension: [
          { url: 'version', valueString: '1' },
          { url: 'text', valueAttachment: { contentType: 'text/plain', language: 'en', data: textOf(study) } },
          { url: 'withdrawal', valueCode: 'hide' },
          { url: 'asks', valueString: 'omh:heart-rate' },
        ],
      },
    ],
  })
  t.match(
    Buffer.from(textOf(study), 'base64').toString(),
    /^KEY FACTS\n\nIt is your choice\.\n\n\nWHO RECEIVES WHAT, AND WHY\n\n/,
  )
})

const textOf = ({ extension = [] }: Pick<ResearchStudy, 'extension'>): string =>
  extension
    .filter(({ url }) => url === extensions.patientText)
    .flatMap(entry => (entry.extension ?? []).flatMap(({ valueAttachment }) => valueAttachment?.data ?? []))
    .at(-1) ?? ''

t.test('days of a study and of its staff are written as people say them, and stored as FHIR writes them', async t => {
  const made = await member.send(newStudy, {
    ...said,
    title: 'In words',
    start: '1 Jan 2026',
    end: 'Thursday 31 December 2026',
  })
  const id = /studies\/([^/]+)/.exec(made.location ?? '')?.[1] ?? ''
  t.has((await send('everything', 'GET', `ResearchStudy/${id}`)).json().period, {
    start: '2026-01-01',
    end: '2026-12-31',
  })
  const { body } = await member.get(`/studies/${id}/settings/facts`)
  t.match(body, /name="start"[^>]* value="1 January 2026" data-calendar="[^"]+" data-day="2026-01-01"/)
  t.match(body, /name="end"[^>]* value="31 December 2026" data-calendar="[^"]+" data-day="2026-12-31"/)
  t.match(wordsOf(await member.get(`/studies/${id}`)), /Days from 1 January 2026 to 31 December 2026 \(UTC\)/)
})

t.test('a mistake is shown at its field, and what was typed stays', async t => {
  const answer = await member.send(newStudy, { ...said, title: ' ', start: 'May', email: 'rita', identity: '' })
  t.equal(answer.status, 422)
  t.match(answer.body, /id="title-problem">Give the study a title/)
  t.match(
    answer.body,
    /id="start-problem">Enter a first day that exists, with its month as a word, such as 31 January 2026/,
  )
  t.match(answer.body, /id="email-problem">Write an address/)
  t.match(answer.body, /id="identity-problem">Choose how the study knows its patients/)
  t.match(answer.body, /How sleep and steps go together<\/textarea>/)
  t.match(answer.body, /value="May"/)
  const unreachable = await member.send(newStudy, { ...said, title: 'T', phone: 'ask Rita' })
  t.match([unreachable.status, unreachable.body], [422, /id="phone-problem">Write one phone number in digits/])
  t.match(unreachable.body, /value="ask Rita"/)
  const long = await member.send(newStudy, { ...said, purpose: 'ü'.repeat(11_000) })
  t.match([long.status, long.body], [422, /id="purpose-problem">/])
  t.match(long.body, 'ü'.repeat(11_000))
  const longer = await member.send(newStudy, { ...said, purpose: 'ü'.repeat(110_000) })
  t.match([longer.status, wordsOf(longer)], [413, /That is too long.* nothing was saved/])
  const id = await made()
  const page = `/studies/${id}/settings`
  const nothing = await member.send(`${page}/data`, { kind: '', source: 'none', reason: '' })
  t.match(wordsOf(nothing), /Choose a kind of data Choose a source from the list Enter what the study needs it for/)
  await member.send(`${page}/data`, heartRate)
  t.match(wordsOf(await member.send(`${page}/data`, heartRate)), /The study already asks for this/)
})

t.test('what was just done to the requests and the staff of a study is said first where it led', async t => {
  const id = await made()
  const settings = `/studies/${id}/settings`
  const said = async (by: Browser, { location = '' }: Shown) =>
    / autofocus><p>([^<]*)</.exec((await by.get(location)).body)?.[1]
  t.equal(await said(member, await member.send(`${settings}/data`, heartRate)), 'It has been added.')
  const [, request = ''] = /name="request" value="([^"]*)"/.exec((await member.get(`${settings}/data`)).body) ?? []
  const removed = await member.send(`${settings}/data`, { request }, `${settings}/data/remove`)
  t.equal(await said(member, removed), 'It has been removed.')
  const { practitioner } = await colleague('Una Done', lab.organization)
  const role = { role: 'coordinator', from: '2026-01-01', until: '' }
  const added = await manager.send(`${settings}/staff`, { code: practitioner, ...role })
  t.equal(await said(manager, added), 'They have been added to the staff.')
  const entry = `${settings}/staff/0`
  t.equal(await said(manager, await manager.send(entry, { ...role, role: 'researcher' })), 'Saved.')
  const left = await manager.send(entry, {}, `${entry}/remove`)
  t.equal(await said(manager, left), 'They have been removed from the staff.')
})

t.test('a narrative from before narratives had to be XML does not prevent changing the study', async t => {
  const id = await made()
  const text = await looseNarrative(database, 'ResearchStudy', id)
  t.match((await member.send(`/studies/${id}/settings/data`, heartRate)).status, 303)
  t.match((await read(id)).text, text)
})

t.test('what an app wrote of a study stays the same, digit for digit, when a page changes it', async t => {
  const id = await made()
  const { extension = [], ...study } = await read(id)
  const weight = { url: 'https://app.example.org/weight', valueDecimal: 1.5 }
  const payload = JSON.stringify({ ...study, extension: [...extension, weight] }).replace(
    '"valueDecimal":1.5',
    '"valueDecimal":1.50',
  )
  const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
  const url = `/fhir/ResearchStudy/${id}`
  t.equal((await server.inject({ method: 'PUT', url, headers, payload })).statusCode, 200)
  await member.send(`/studies/${id}/settings/facts`, { ...said, title: 'Changed' })
  const { body } = await server.inject({ url, headers })
  t.match(body, /"title":\s*"Changed"/)
  t.match(body, /"valueDecimal":\s*1\.50\b/)
})

t.test('a slower editor is told so, and nothing of theirs is lost or written', async t => {
  const id = await made()
  const page = `/studies/${id}/settings/facts`
  const stale = /name="version" value="([^"]*)"/.exec((await member.get(page)).body)?.[1] ?? ''
  await manager.send(page, { ...said, title: 'The manager’s' })
  const late = await member.send(page, { ...said, title: 'Mine', version: stale })
  t.match(
    [late.status, wordsOf(late)],
    [409, /Somebody else has changed this study in the meantime.*Now it says: The manager’s/s],
  )
  t.match(late.body, /value="Mine"/)
  t.equal((await read(id)).title, 'The manager’s')
  t.equal((await server.inject({ url: '/healthz' })).statusCode, 200)
  const csrf = /name="_csrf" value="([^"]*)"/.exec(late.body)?.[1] ?? ''
  const version = /name="version" value="([^"]*)"/.exec(late.body)?.[1] ?? ''
  t.equal(
    (await member.post(page, { ...said, title: 'Mine', version, _csrf: csrf })).status,
    303,
    'who looked may save',
  )
  t.equal((await read(id)).title, 'Mine')
})

t.test('of two editors who save at the same moment one is told so, and writes nothing over the other', async t => {
  const id = await made()
  const page = `/studies/${id}/settings/facts`
  const shown = await Promise.all([member, manager].map(async one => hiddenOf(await one.get(page))))
  const { saving } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT FROM resource_identity WHERE id = ${id} FOR UPDATE`)
    const saving = Promise.all([
      member.post(page, { ...said, title: 'Mine', ...shown[0] }),
      manager.post(page, { ...said, title: 'The manager’s', ...shown[1] }),
    ])
    await someoneWaits(connection, 2)
    return { saving }
  })
  t.strictSame((await saving).map(({ status }) => status).toSorted(), [303, 409])
  t.equal((await read(id)).meta?.versionId, '2')
})

t.test('a slower editor of a text or a reason sees what was saved meanwhile beside their own words', async t => {
  const id = await made()
  const page = `/studies/${id}/settings`
  const draft = `${page}/text/draft/en`
  const before = hiddenOf(await member.get(draft))
  await manager.send(draft, { ...english, 'key-facts': 'You decide.\n\nNobody else does.', promise: 'keep' })
  const late = await member.post(draft, { ...english, 'key-facts': 'Mine', promise: 'hide', ...before })
  t.match(
    [late.status, wordsOf(late)],
    [409, /Key facts Now it says: You decide\.\s+Nobody else does\.\s+Mine.*Now it says: The study gets nothing new/s],
  )
  t.equal(late.body.match(/Now it says/g)?.length, 2, 'for what both wrote alike it says nothing')
  await member.post(draft, { ...english, 'key-facts': 'Mine', promise: 'hide', ...hiddenOf(late) })
  t.match((await manager.get(draft)).body, />\nMine<\/textarea>/, 'whoever has read that can save')

  await member.send(`${page}/data`, heartRate)
  const request = /data\/reason\?request=([^"]*)"/.exec((await member.get(`${page}/data`)).body)?.[1] ?? ''
  const shown = await member.get(`${page}/data/reason?request=${request}`)
  const of = { request: decodeURIComponent(request) }
  await manager.send(`${page}/data/reason?request=${request}`, { ...of, reason: 'The manager’s' })
  const slower = await member.post(`${page}/data/reason`, { ...of, reason: 'Mine', ...hiddenOf(shown) })
  t.match([slower.status, wordsOf(slower)], [409, /Now it says: The manager’s\s+Mine/])
  const unseen = await member.post(`${page}/text/publish`, hiddenOf(late))
  t.match([unseen.status, wordsOf(unseen)], [409, /so this was not done/], 'nobody publishes what they have not seen')
})

const hiddenOf = ({ body }: { readonly body: string }) => ({
  version: /name="version" value="([^"]*)"/.exec(body)?.[1] ?? '',
  _csrf: /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? '',
  entry: /name="entry" value="([^"]*)"/.exec(body)?.[1] ?? '',
})

t.test('whoever chooses after somebody else is told what that one chose, unless it is the same', async t => {
  const id = await made()
  for (const [setting, theirs, mine, now] of [
    ['paper', { paper: 'yes' }, {}, /Now it says: Yes \. A member of the staff/],
    ['policy', { policy: 'strict' }, { policy: 'normalise' }, /Now it says: Strict Not specified here/],
    ['status', { status: 'withdrawn' }, { status: 'completed' }, /Status of the study Now it says: Withdrawn Being/],
  ] as const) {
    const page = `/studies/${id}/settings/${setting}`
    const shown = hiddenOf(await member.get(page))
    t.equal((await manager.send(page, theirs)).status, 303)
    const late = await member.post(page, { ...mine, ...shown })
    t.match([late.status, wordsOf(late)], [409, now], setting)
    t.match(await member.post(page, { ...theirs, ...shown }), {
      status: 303,
      location: `/studies/${id}/settings?done=${setting}`,
    })
  }
  const policy = `/studies/${id}/settings/policy`
  const shown = hiddenOf(await member.get(policy))
  await manager.send(policy, { policy: 'normalise' })
  const unchosen = await member.post(policy, shown)
  t.equal(unchosen.status, 422)
  const chosen = await member.post(policy, { ...hiddenOf(unchosen), policy: 'strict' })
  t.equal(chosen.status, 409, 'also if the form was not whole the first time')
})

t.test('a slower editor of a staff entry is shown the same person again, and names nobody else by it', async t => {
  const id = await made()
  const page = `/studies/${id}/settings/staff`
  const inside = await colleague('Una Under', lab.organization)
  await manager.send(page, {
    code: inside.practitioner,
    role: 'coordinator',
    from: '2026-01-01',
    until: '',
  })
  const entry = await manager.get(`${page}/0`)
  await member.send(`/studies/${id}/settings/facts`, { ...said, title: 'The member’s' })
  const typed = { role: 'researcher', from: '2026-02-01', until: '' }
  const saved = await manager.post(`${page}/0`, { ...typed, ...hiddenOf(entry) })
  t.match(
    wordsOf(saved),
    /Role Now it says: Coordinator.*First day Now it says: 1 January 2026 \. Such as .*Last day A day in UTC/,
    'with what it says now',
  )
  t.match(
    [saved.status, wordsOf(saved)],
    [409, /Una Under Somebody else has changed this study in the meantime, so your changes were not saved/],
  )
  t.match(saved.body, `<form method="post" action="${page}/0" novalidate>`)
  t.match(saved.body, 'value="1 February 2026"')
  const removed = await manager.post(`${page}/0/remove`, hiddenOf(entry))
  t.match(
    [removed.status, wordsOf(removed)],
    [409, /Una Under Somebody else has changed this study in the meantime, so this was not done/],
  )
  t.match(removed.body, `<form method="post" action="${page}/0" novalidate>`)
  t.match(removed.body, `<form method="post" action="${page}/0/remove">`)
  t.match(wordsOf(await manager.get(page)), /Una Under Coordinator, from 1 January 2026 as long as the study/)
  await manager.post(`${page}/0/remove`, hiddenOf(removed))
  const gone = await manager.post(`${page}/0/remove`, hiddenOf(removed))
  t.match([gone.status, wordsOf(await manager.get(page))], [404, /There is no staff yet/])
})

t.test(
  'a request that somebody else changed meanwhile is not reverted, and another one can still be added',
  async t => {
    const id = await made()
    const page = `/studies/${id}/settings/data`
    await member.send(page, heartRate)
    const shown = await member.get(page)
    const request = /name="request" value="([^"]*)"/.exec(shown.body)?.[1] ?? ''
    await manager.send(`/studies/${id}/settings/facts`, { ...said, title: 'The manager’s' })
    const late = await member.post(`${page}/remove`, { request, ...hiddenOf(shown) })
    t.match([late.status, wordsOf(late)], [409, /so this was not done.*Heart rate/s])
    t.match(late.body, `<form method="post" action="${page}" novalidate>`)
    const steps = { kind: 'omh:step-count', source: '', reason: 'To see how far' }
    t.equal((await member.post(page, { ...steps, ...hiddenOf(late) })).status, 303)
    t.match(wordsOf(await member.get(page)), /Heart rate.*Step count/s)
    const unknown = await member.send(page, { request: 'omh:body-weight' }, `${page}/remove`)
    t.match([unknown.status, wordsOf(unknown)], [409, /so this was not done/])
  },
)

t.test('an incomplete version is not published, and the page says which part is missing', async t => {
  const id = await made()
  const page = `/studies/${id}/settings/text`
  t.match(wordsOf(await member.get(page)), /A new version Patients do not see it until you publish it/)
  await member.send(`/studies/${id}/settings/data`, heartRate)
  await member.send(`${page}/draft/en`, { ...english, duration: ' ', promise: '' })
  await member.send(`${page}/draft/es`, { 'key-facts': 'Usted decide.' })
  const shown = wordsOf(await member.get(page))
  t.match(
    shown,
    /It cannot be published yet\. Still missing: English: how long it goes on Spanish: who receives what, and why/,
  )
  t.match(shown, /what a withdrawal does/)
  t.notMatch(shown, /Publish\b/)
  const csrf = /name="_csrf" value="([^"]*)"/.exec((await member.get(page)).body)?.[1] ?? ''
  const { meta } = await read(id)
  const forced = await member.post(`${page}/publish`, { _csrf: csrf, version: meta?.versionId ?? '' })
  t.match([forced.status, wordsOf(forced)], [422, /It was not published\. Still missing: English: how long it goes on/])
  t.equal(textOf(await read(id)), '', 'nobody can sign it')
})

t.test('what became of a draft that was saved is told, also where nothing is left of it', async t => {
  const page = `/studies/${await made()}/settings/text`
  const empty = await member.send(`${page}/draft/en`, { duration: ' ' })
  t.match([empty.status, empty.location], [303, `${page}?done=empty`])
  t.match(
    wordsOf(await member.get(empty.location ?? '')),
    /Nothing is written, so there is no draft\. .* A new version/,
  )
  const kept = await member.send(`${page}/draft/es`, { 'key-facts': 'Usted decide.' })
  t.match(kept.location, `${page}?done=draft`)
  t.match(wordsOf(await member.get(kept.location ?? '')), /The draft is saved\. .* Draft of the next version/)
  const removed = await member.send(`${page}/draft/es`, {})
  t.match(removed.location, `${page}?done=empty`)
})

t.test('a draft is shown as patients will see it, in each language, and cannot be sent', async t => {
  const id = await made()
  const page = `/studies/${id}/settings`
  await member.send(`${page}/data`, heartRate)
  await member.send(`${page}/text/draft/en`, english)
  await member.send(`${page}/text/draft/es`, { ...english, 'key-facts': 'Usted decide.' })
  const shown = await member.get(`${page}/text/preview/es`)
  t.match(shown.body, /<fieldset disabled[^>]* lang="es">/)
  t.match(wordsOf(shown), /Lo más importante|LO MÁS IMPORTANTE/)
  t.match(wordsOf(shown), /Usted decide\..*To see how it beats|To see how it beats.*Usted decide\./s)
  t.equal((await member.get(`${page}/text/preview/qaa`)).status, 404, 'a language without a catalogue')
})

t.test('there, what is asked for from any device offers what patients without devices are offered', async t => {
  const id = await made()
  const page = `/studies/${id}/settings`
  await create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: 'Agile watch', type: 'user-friendly-name' }],
    extension: [{ url: extensions.deliveredData, valueCoding: { system: systems.omh, code: 'omh:heart-rate' } }],
  })
  await member.send(`${page}/data`, heartRate)
  await member.send(`${page}/text/draft/en`, english)
  const shown = await member.get(`${page}/text/preview/en`)
  t.match(wordsOf(shown), /Heart rate, from any device Share it Share it from these devices alone: .*Agile watch/)
})

t.test('the words of a version that was written elsewhere are not taken over, and the page says so', async t => {
  const { id } = await world.newStudy(world.lab.manager, world.lab.organization, 'by FHIR', ['omh:heart-rate'])
  const page = `/studies/${id}/settings/text`
  const stored = await read(id)
  const data = Buffer.from('We ask you.').toString('base64')
  const bare: Extension = {
    url: extensions.patientText,
    extension: [
      { url: 'version', valueString: 'bare' },
      { url: 'text', valueAttachment: { contentType: 'text/plain', data } },
    ],
  }
  await world.update(lab.manager, { ...stored, status: 'in-review', extension: [...(stored.extension ?? []), bare] })
  t.match(wordsOf(await member.get(page)), /Version bare A new version|Version bare Who receives data/)
  t.match(
    wordsOf(await member.get(page)),
    /The last version does not have all its parts.* A new version The last version was not written on these pages.* none of its words are taken/,
  )
  t.match((await member.get(`${page}/draft/en`)).body, /id="key-facts"[^>]*>\n<\/textarea>/)
})

t.test('a published version stays, and the next one begins with its words', async t => {
  const id = await ready()
  const page = `/studies/${id}/settings/text`
  const first = (await read(id)).extension?.find(({ url }) => url === extensions.patientText)
  t.match(wordsOf(await member.get(page)), /A new version It starts with the words of the last version\./)
  const next = await member.get(`${page}/draft/en`)
  t.match(next.body, /It is your choice\.<\/textarea>/)
  await member.send(`${page}/draft/en`, english)
  t.match(wordsOf(await member.get(page)), /English: a change, for it says what an earlier version says/)
  await member.send(`${page}/draft/en`, { ...english, duration: 'Three years.', promise: 'keep' })
  await member.send(page, {}, `${page}/publish`)
  const published = (await read(id)).extension?.filter(({ url }) => url === extensions.patientText) ?? []
  t.same(published[0], first)
  t.same(
    published[1]?.extension?.find(({ url }) => url === 'version'),
    { url: 'version', valueString: '2' },
  )
  t.match(wordsOf(await member.get(`${page}/versions/1`)), /Two years\./)
  t.match(wordsOf(await member.get(`${page}/versions/2`)), /Three years\./)
})

t.test('a manager names staff, of the organization by name and others by their code, and never themselves', async t => {
  const id = await made()
  const page = `/studies/${id}/settings/staff`
  const { practitioner } = await colleague('Zoe Zimmer', clinic.organization)
  const own = /<code[^>]*>([^<]+)<\/code>/.exec((await manager.get('/studies')).body)?.[1] ?? ''
  const inside = await colleague('Ida Inside', lab.organization)
  t.match((await manager.get(`${page}?name=ida`)).body, new RegExp(`value="${inside.practitioner}"`))
  t.notMatch((await manager.get(`${page}?name=zimmer`)).body, /Zoe/, 'searching does not cross tenants')
  const everybody = await manager.get(`${page}?name=i`)
  t.match(wordsOf(everybody), 'Nobody can add themselves. If you work in the study too, another manager')
  t.notMatch(everybody.body, `value="${own}"`, 'nobody is offered who would be refused')
  const role = { role: 'researcher', from: '2026-01-01', until: '' }
  await manager.send(`${page}?name=ida`, { practitioner: inside.practitioner, ...role }, page)
  await manager.send(page, { code: practitioner, ...role, role: 'collaborator', until: '31 December 2026' })
  t.match(
    wordsOf(await manager.get(page)),
    /Ida Inside Researcher, from 1 January 2026 as long as the study Change Zoe Zimmer Collaborator from another organization, from 1 January 2026 until 31 December 2026/,
  )
  const self = await manager.send(page, { code: own, ...role })
  t.match([self.status, wordsOf(self)], [422, /nobody can add themselves/])
  const mistyped = await manager.send(page, { code: 'no code!', ...role, from: '31/12/2026' })
  t.match(mistyped.body, /id="code-problem">Find a colleague and choose them, or enter a code/)
  t.match(mistyped.body, 'value="no code!"')
  const wrong = await manager.send(page, { code: '', ...role, role: '', until: '2025-01-01' })
  t.match(wordsOf(wrong), /The last day is before the first.*Find a colleague|Choose a role/s)
  await manager.send(`${page}/0`, { ...role, role: 'coordinator', until: '2026-06-30' })
  await manager.send(`${page}/1`, {}, `${page}/1/remove`)
  t.match(
    wordsOf(await manager.get(page)),
    /Ida Inside Coordinator, from 1 January 2026 until 30 June 2026 \(not now\)/,
  )
  t.notMatch(wordsOf(await manager.get(page)), /Zoe/)
  t.match((await member.get(page)).body, /<h1>Staff of the study<\/h1>/)
  t.notMatch((await member.get(page)).body, /Add somebody/, 'members can only see it')
})

t.test('changing only a role does not let somebody read again whose work ended during a day', async t => {
  const id = await made({ access: 'staff' })
  const page = `/studies/${id}/settings/staff`
  const inside = await colleague('Ed Ended', lab.organization)
  await manager.send(page, { code: inside.practitioner, role: 'researcher', from: '2026-01-01', until: '' })
  const valuePeriod = { start: '2026-01-01T08:00:00Z', end: new Date(Date.now() - 60_000).toISOString() }
  const withPeriod = (study: ResearchStudy, period: typeof valuePeriod): ResearchStudy => ({
    ...study,
    extension: (study.extension ?? []).map(one =>
      one.url === extensions.staff
        ? { ...one, extension: [...(one.extension ?? []).slice(0, 2), { url: 'period', valuePeriod: period }] }
        : one,
    ),
  })
  const entryOf = async () => (await read(id)).extension?.find(({ url }) => url === extensions.staff)?.extension
  await world.update('everything', withPeriod(await read(id), valuePeriod))
  const shown = await manager.get(`${page}/0`)
  t.match(
    wordsOf(shown),
    /The day shown stands for 1 January 2026 at 08:00 UTC Last day A day in UTC\. Leave empty for as long as the study runs\. The day shown stands for \d+ [A-Z][a-z]+/,
  )
  const days = { from: '2026-01-01', until: valuePeriod.end.slice(0, 10) }
  await manager.send(`${page}/0`, { role: 'coordinator', ...days })
  t.match(await entryOf(), [{}, { valueCodeableConcept: { coding: [{ code: 'coordinator' }] } }, { valuePeriod }])
  t.match(wordsOf(await manager.get(page)), /Ed Ended Coordinator, from 1 January 2026 until \d+ \w+ \d{4} \(not now\)/)
  await manager.send(`${page}/0`, { role: 'coordinator', from: '2026-02-01', until: '' })
  t.same(
    (await entryOf())?.[2],
    { url: 'period', valuePeriod: { start: '2026-02-01' } },
    'a day that is changed counts',
  )
})

t.test('changing its purpose does not restart a study that ended during a day', async t => {
  const id = await made()
  const page = `/studies/${id}/settings/facts`
  const period = { start: '2026-01-01T08:00:00Z', end: new Date(Date.now() - 60_000).toISOString() }
  const telecom = [
    { system: 'phone', value: '+15005550006', use: 'work' },
    { system: 'phone', value: '+15005550007', use: 'mobile' },
    { system: 'url', value: 'https://example.org/study' },
  ] as const
  await world.update('everything', { ...(await read(id)), period, contact: [{ name: 'Rita', telecom: [...telecom] }] })
  t.match(
    wordsOf(await manager.get(page)),
    /The day shown stands for 1 January 2026 at 08:00 UTC Last day .* The day shown stands for \d+ [A-Z][a-z]+/,
  )
  const { title } = said
  const facts = { title, start: '2026-01-01', end: period.end.slice(0, 10), contact: 'Rita', phone: '+15005550006' }
  t.match(await manager.send(page, { ...facts, purpose: 'Said better' }), { status: 303 })
  t.match(await read(id), { description: 'Said better', period })
  t.same((await read(id)).contact, [{ name: 'Rita', telecom }], 'nothing is lost that the page does not show')
  const later = { ...facts, purpose: 'Said better', start: '2026-02-01', end: '', phone: '' }
  await manager.send(page, { ...later, email: 'rita@example.org' })
  const { period: after, contact } = await read(id)
  t.same(after, { start: '2026-02-01' }, 'a day that is changed counts')
  t.same(contact, [{ name: 'Rita', telecom: [...telecom.slice(1), { system: 'email', value: 'rita@example.org' }] }])
})

t.test(
  'of a month or a year that is named alone, the first and the last day are shown, and it stays as it is',
  async t => {
    const id = await made()
    const period = { start: '2026-03', end: '2027' }
    const { practitioner } = await colleague('Mona Month', lab.organization)
    await manager.send(`/studies/${id}/settings/staff`, { code: practitioner, role: 'researcher', from: '', until: '' })
    const stored = await read(id)
    const extension = (stored.extension ?? []).map(one =>
      one.url === extensions.staff
        ? { ...one, extension: [...(one.extension ?? []), { url: 'period', valuePeriod: period }] }
        : one,
    )
    await world.update('everything', { ...stored, period, extension })
    const facts = `/studies/${id}/settings/facts`
    const { body } = await manager.get(facts)
    t.match(body, /name="start"[^>]* value="1 March 2026".*name="end"[^>]* value="31 December 2027"/s)
    const changed = { ...said, start: '2026-03-01', end: '2027-12-31', purpose: 'Said better' }
    t.match(await manager.send(facts, changed), { status: 303 })
    const page = `/studies/${id}/settings/staff`
    t.match(wordsOf(await manager.get(page)), /Mona Month Researcher, from 1 March 2026 until 31 December 2027/)
    const days = { from: '2026-03-01', until: '2027-12-31' }
    t.match(await manager.send(`${page}/0`, { role: 'coordinator', ...days }), { status: 303 })
    const after = await read(id)
    t.match(after, { description: 'Said better', period })
    t.match(after.extension?.find(({ url }) => url === extensions.staff)?.extension, [
      {},
      { valueCodeableConcept: { coding: [{ code: 'coordinator' }] } },
      { valuePeriod: period },
    ])
    await world.update('everything', { ...after, status: 'active', period: { end: '2025' } })
    t.match(
      wordsOf(await manager.get(`/studies/${id}`)),
      /but its last day was 31 December 2025 \(UTC\): nobody reads anything for it/,
    )
    t.notMatch(
      wordsOf(await manager.get(`/studies/${id}/settings?done=status`)),
      'Patients are invited',
      'not if nobody can be',
    )
  },
)

t.test('what extensions say of what a study says stays with it, and goes when that is changed', async t => {
  const beside = (valueString: string) => ({ extension: [{ url: 'http://example.org/said', valueString }] })
  const id = await made()
  const { identifier: [approval] = [], ...stored } = await read(id)
  const before = {
    title: said.title,
    _title: beside('a working title'),
    description: said.purpose,
    _description: beside('in short'),
    identifier: [{ ...approval, _value: beside('by the board') }],
    period: { start: '2026-01-01', _start: beside('about') },
    contact: [
      { name: 'Rita', _name: beside('she'), telecom: [{ system: 'email', value: 'r@x.org', _value: beside('safe') }] },
    ],
  }
  await world.update('everything', { ...stored, ...before } as unknown as ResearchStudy)
  const facts = { ...said, contact: 'Rita', email: 'r@x.org' }
  const changed = async (more: Partial<typeof said>) => {
    t.equal((await manager.send(`/studies/${id}/settings/facts`, { ...facts, ...more })).status, 303)
    const now = (await read(id)) as unknown as Record<string, unknown>
    return Object.fromEntries(Object.keys(before).map(name => [name, now[name]]))
  }
  const { _description, ...kept } = before
  t.same(await changed({ purpose: 'Why we sleep' }), { ...kept, description: 'Why we sleep', _description: undefined })
  const later = {
    title: 'Sleep',
    purpose: 'Why',
    approval: 'EK 18',
    start: '2026-02-01',
    contact: 'Rosa',
    email: 'a@x.org',
  }
  t.same(await changed(later), {
    title: 'Sleep',
    _title: undefined,
    description: 'Why',
    _description: undefined,
    identifier: [{ ...approval, value: 'EK 18' }],
    period: { start: '2026-02-01' },
    contact: [{ name: 'Rosa', telecom: [{ system: 'email', value: 'a@x.org' }] }],
  })
})

const colleague = async (name: string, organization: string) => {
  const person = await staff(organization, 'viewer')
  const { link = [] } = (await send('everything', 'GET', `Person/${person}`)).json()
  const practitioner = link[0].target.reference.split('/')[1]
  const [given, family] = name.split(' ')
  await world.update('everything', {
    resourceType: 'Practitioner',
    id: practitioner,
    name: [{ given: [given ?? ''], family: family ?? '' }],
  })
  return { person, practitioner }
}

t.test('somebody who may not name staff is told who can, and if nobody is named, that nobody reads', async t => {
  const id = await made()
  const page = `/studies/${id}/settings`
  t.match((await member.get(`${page}/staff`)).body, `href="/organizations/${lab.organization}/people?role=manager"`)
  t.match(wordsOf(await member.get(page)), /Staff Nobody is named yet Who/)
  const narrow = await made({ access: 'staff' })
  t.match(
    wordsOf(await member.get(`/studies/${narrow}/settings`)),
    /Nobody is named yet, so no person reads what patients share/,
  )
})

t.test('whoever leads a study names its staff, and changes nothing else', async t => {
  const id = await made()
  const leader = await colleague('Lea Leader', clinic.organization)
  const page = `/studies/${id}/settings`
  await manager.send(`${page}/staff`, { code: leader.practitioner, role: 'investigator', from: '', until: '' })
  const own = await browserOf(leader.person)
  const other = await colleague('Otto Other', clinic.organization)
  const named = await own.send(`${page}/staff`, { code: other.practitioner, role: 'researcher', from: '', until: '' })
  t.equal(named.status, 303)
  t.match(
    wordsOf(await own.get(`${page}/staff`)),
    /Lea Leader Investigator, as long as the study This is you: only others can change it Otto Other(?!.*If you work in the study too)/,
  )
  for (const part of ['facts', 'data', 'text', 'status']) t.equal((await own.get(`${page}/${part}`)).status, 404, part)
  const why =
    /You name the staff of this study, other than yourself\. The rest is changed by members and managers of its organization: ask one of them\./
  t.match(wordsOf(await own.get(page)), why)
  t.notMatch(wordsOf(await member.get(page)), why)
})

t.test('what a study adds later is asked for again, and never assumed', async t => {
  const id = await ready()
  const settings = `/studies/${id}/settings`
  await member.send(`${settings}/status`, { status: 'active' })
  const { id: patient } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Later' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'on-study',
    study: { reference: `ResearchStudy/${id}` },
    individual: { reference: `Patient/${patient}` },
  })
  const bearer = await world.patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  const permit = (code: string) => ({
    type: 'permit' as const,
    code: [{ coding: [{ system: systems.omh, code }] }],
    dataPeriod: { start: '2020-01-01' },
  })
  const consentTo = (codes: readonly string[], text: string) => ({
    resourceType: 'Consent' as const,
    status: 'active' as const,
    extension: [
      { url: standardExtensions.consentResearchStudyContext, valueReference: { reference: `ResearchStudy/${id}` } },
    ],
    scope: { coding: [{ code: 'research' }] },
    category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
    patient: { reference: `Patient/${patient}` },
    dateTime: '2026-01-01T00:00:00Z',
    sourceAttachment: { hash: digestOf('sha1', text) },
    policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
    provision: { type: 'deny' as const, provision: codes.map(permit) },
  })
  const firstText = textOf(await read(id))
  const { id: consent } = await create(bearer, consentTo(['omh:heart-rate'], firstText))
  for (const [code, value] of [
    ['8867-4', { value: 60, unit: '/min', system: systems.ucum, code: '/min' }],
    ['29463-7', { value: 60, unit: 'kg', system: systems.ucum, code: 'kg' }],
  ] as const)
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code }] },
      subject: { reference: `Patient/${patient}` },
      effectiveDateTime: '2026-03-01T12:00:00Z',
      valueQuantity: value,
    })
  const token = await world.token({ subject: { kind: 'user', person: persons.member }, scope: 'user/*.rs' })
  const seen = async () =>
    ((await send(token, 'GET', `Observation?patient=${patient}`)).json().entry ?? []).map(
      ({ resource }: { resource: { code: { coding: [{ code: string }] } } }) => resource.code.coding[0].code,
    )
  const give = async (codes: readonly string[], text: string) =>
    send(bearer, 'PUT', `Consent/${consent}`, { ...consentTo(codes, text), id: consent })
  const both = ['omh:heart-rate', 'omh:body-weight']

  await member.send(`${settings}/data`, { kind: 'omh:body-weight', source: '', reason: 'To see what it weighs' })
  t.same(await seen(), ['8867-4'], 'a kind that is requested later is not shared')
  t.match(wordsOf(await member.get(`${settings}/text`)), /The text that patients sign does not name Body weight/)
  t.equal((await give(both, firstText)).statusCode, 422, 'nor can it be under a text that does not name it')

  await member.send(`${settings}/text/draft/en`, { ...english, 'who-and-why': 'The lab receives your weight as well.' })
  await member.send(`${settings}/text`, {}, `${settings}/text/publish`)
  t.same(await seen(), ['8867-4'], 'nor with a new text alone')
  t.equal((await give(both, firstText)).statusCode, 422, 'nor under the old one')
  const own = await browserOf(await world.account(patient))
  t.match(
    wordsOf(await own.get('/sharing')),
    /Studies waiting for your answer Sleep &amp; &lt;steps&gt;/,
    'the patient is asked again',
  )
  t.match(
    wordsOf(await own.get(`/sharing/${id}`)),
    /The text has changed since you signed\..*Body weight, from any device\. To see what it weighs/s,
  )
  t.equal((await give(both, textOf(await read(id)))).statusCode, 200)
  t.same((await seen()).toSorted(), ['29463-7', '8867-4'], 'until the patient agrees')

  const outside = await colleague('Ola Outside', clinic.organization)
  const inside = await colleague('Ivy Inside', lab.organization)
  const named = { role: 'collaborator', from: '', until: '' }
  for (const code of [outside.practitioner, 'mistyped']) {
    const refused = await manager.send(`${settings}/staff`, { code, ...named })
    t.match(
      [refused.status, wordsOf(refused)],
      [
        422,
        /Patients consented before this person was named\. If this is the right person, and the code is not mistyped, they work elsewhere/,
      ],
      'neither a recipient from elsewhere nor a code that there is not is added, in the same words',
    )
  }
  t.match(wordsOf(await manager.get(`${settings}/text`)), /The text leaves open who receives data/)
  await member.send(`${settings}/text`, {}, `${settings}/text/recipients`)
  t.equal((await manager.send(`${settings}/staff`, { code: outside.practitioner, ...named })).status, 303)
  t.match(wordsOf(await manager.get(`${settings}/text`)), /The version that patients sign now does not name these/)
  await member.send(`${settings}/text/draft/en`, { ...english, 'who-and-why': 'The lab and Ola Outside receive it.' })
  await member.send(`${settings}/text`, {}, `${settings}/text/publish`)
  const texts = (await read(id)).extension?.filter(({ url }) => url === extensions.patientText) ?? []
  t.same(
    texts.map(({ extension = [] }) => extension.flatMap(({ valueReference }) => valueReference?.reference ?? [])),
    [
      ...texts.slice(1).map(() => [`Organization/${lab.organization}`]),
      [`Organization/${lab.organization}`, `Practitioner/${outside.practitioner}`],
    ],
    'the next version names them',
  )
  t.equal((await manager.send(`${settings}/staff`, { code: inside.practitioner, ...named })).status, 303)
  const outsider = await world.token({ subject: { kind: 'user', person: outside.person }, scope: 'user/*.rs' })
  t.equal((await send(outsider, 'GET', `Observation?patient=${patient}`)).json().entry, undefined)

  await member.send(`${settings}/data`, { request: 'omh:heart-rate@' }, `${settings}/data/remove`)
  t.equal(
    (await give(['omh:heart-rate'], textOf(await read(id)))).statusCode,
    200,
    'a part of what was given can be taken back',
  )
  t.same(await seen(), ['8867-4'])
})

t.test('nobody else finds these pages or can send their forms', async t => {
  const id = await ready()
  const pages = [
    '',
    '/facts',
    '/data',
    '/staff',
    '/text',
    '/text/draft/en',
    '/text/preview/en',
    '/text/versions/1',
    '/status',
  ]
  const posts = [
    '/facts',
    '/data',
    '/data/remove',
    '/staff',
    '/staff/0',
    '/staff/0/remove',
    '/text/draft/en',
    '/text/publish',
    '/text/recipients',
    '/status',
  ]
  for (const name of outsiders) {
    const browser = people[name]
    for (const page of pages)
      t.equal((await browser.get(`/studies/${id}/settings${page}`)).status, 404, `${name}: ${page}`)
    const csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
    const before = await read(id)
    for (const page of posts) {
      const fields = { ...said, ...heartRate, ...english, status: 'withdrawn', version: before.meta?.versionId ?? '' }
      const answer = await browser.post(`/studies/${id}/settings${page}`, { ...fields, _csrf: csrf })
      t.equal(answer.status, 404, `${name}: ${page}`)
    }
    t.same(await read(id), before)
    t.equal((await browser.get(newStudy)).status, 404, `${name}: a new one`)
    t.equal((await browser.post(newStudy, { ...said, _csrf: csrf })).status, 404, `${name}: a new one`)
  }
  t.notMatch(wordsOf(await viewer.get('/studies')), /Create a study/)
  t.match(wordsOf(await member.get('/studies')), /Create a study A new study of lab/)
})
