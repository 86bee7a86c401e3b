import t from 'tap'
import { ownerSystem } from '../../../src/access/owner.ts'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { addAccount, openAccount } from '../../../src/storage/account/user-account.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, people, persons, ann, bob, carl, send, token, staff, browserOf, clinic, lab, account } = world
t.teardown(() => server.close())

await openAccount(database, 'viewer@example.org', persons.viewer)
const viewer = await token({ subject: { kind: 'user', person: persons.viewer }, scope: 'user/*.rs' })
await send(viewer, 'GET', `Patient/${ann}`)
await send(viewer, 'GET', 'Patient?name=Nobody,=SUM(1)')
await send(viewer, 'GET', `Patient/${carl}`)
await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
const officer = people['privacy officer']
/** The rows of the table, as text. */
const rowsOf = ({ body }: { readonly body: string }) =>
  [...body.matchAll(/<tr role="row">\n<td role="cell">([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
    row.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' '),
  )

t.test(
  'a privacy officer sees what was done in their organization, and filters by who, patient, what and outcome',
  async t => {
    const shown = await officer.get('/audit')
    t.equal(shown.status, 200)
    t.match(wordsOf(shown), /Audit .* Read: Patient/)
    t.match(shown.body, `data-heading="Patients"><a href="/audit?patient=${ann}">${ann}</a></td>`, 'once')
    t.match(wordsOf(shown), /Signed in/)
    t.notMatch(wordsOf(shown), /Person\/|without a name/, 'staff have names')
    const find = async (query: string) => rowsOf(await officer.get(`/audit?${query}`))
    t.ok((await find(`patient=${ann}&action=R`)).length > 0)
    t.ok((await find(`patient=${ann.toUpperCase()}`)).length > 0, 'a UUID is the same in capitals')
    t.strictSame(await find(`patient=${carl}`), [], 'nobody of another tenant')
    const refused = await find('outcome=refused&who=viewer')
    t.equal(refused.length, 1)
    t.match(refused[0], /refused/)
    t.notMatch(refused[0], new RegExp(carl), 'the patient for whom they asked in vain is not named')
    t.strictSame(await find('who=somebody'), [])
    t.strictSame(await find('until=2020-01-01'), [])
    t.ok(
      (await find(`from=${new Date().toISOString().slice(0, 10)}&action=E`)).some(row =>
        row.includes('Patient?name=…'),
      ),
    )
    t.match((await officer.get('/audit?until=x')).body, /id="until-problem">Enter a day/)
    t.match(wordsOf(await officer.get('/audit?who=somebody')), /Nothing matches that/)
    const { id: empty } = await world.create('everything', { resourceType: 'Organization', name: 'Empty' })
    const other = await browserOf(await staff(empty, 'privacy-officer'))
    for (const query of ['', '?timezone=Europe/Berlin'])
      t.match(wordsOf(await other.get(`/audit${query}`)), /Nothing is recorded yet\./, 'nothing was asked there')
  },
)

t.test(
  'events are listed in either order, which the heading of their times says, and so is the table to download',
  async t => {
    const of = `patient=${ann}`
    const [latest, oldest] = [await officer.get(`/audit?${of}`), await officer.get(`/audit?${of}&sort=oldest`)]
    t.ok(rowsOf(latest).length > 1)
    t.strictSame(rowsOf(oldest), rowsOf(latest).toReversed())
    const headingOf = ({ body }: { readonly body: string }) => /<th[^>]*>When.*?<\/th>/.exec(body)?.[0]
    const heading = (sorted: string, to: string, arrow: string, other: string) =>
      `<th scope="col" role="columnheader" aria-sort="${sorted}">When <a class="px-2" href="/audit?${to}" title="${other}"><span aria-hidden="true">${arrow}</span><span class="visually-hidden">${other}</span></a></th>`
    t.equal(headingOf(latest), heading('descending', `${of}&amp;sort=oldest`, '↓', 'Oldest first'))
    t.equal(headingOf(oldest), heading('ascending', of, '↑', 'Latest first'))
    const [, ...rows] = (await officer.get(`/audit/events.csv?${of}`)).body.trim().split('\r\n')
    const [, ...others] = (await officer.get(`/audit/events.csv?${of}&sort=oldest`)).body.trim().split('\r\n')
    t.strictSame(others, rows.toReversed())
    t.equal((await officer.get(`/audit/events.csv?${of}&sort=who`)).status, 422, 'no table in another order')
  },
)

t.test('somebody without a name is described as such, with their id', async t => {
  const { id } = await world.create('everything', { resourceType: 'Practitioner' })
  const practitioner = { reference: `Practitioner/${id}` }
  await world.create('everything', {
    resourceType: 'PractitionerRole',
    practitioner,
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'viewer' }] }],
  })
  const nameless = await world.create('everything', { resourceType: 'Person', link: [{ target: practitioner }] })
  await send(
    await token({ subject: { kind: 'user', person: nameless.id }, scope: 'user/*.rs' }),
    'GET',
    `Patient/${ann}`,
  )
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const [last = ''] = rowsOf(await officer.get(`/audit?patient=${ann}`))
  t.match(last, new RegExp(`Somebody without a name Practitioner/${id} .* Read: Patient`))
})

t.test('the list can be downloaded as a table, in which no cell is a formula', async t => {
  const { status, headers, body } = await officer.get('/audit/events.csv?who=viewer&action=R')
  t.equal(status, 200)
  t.match(headers['content-type'], 'text/csv')
  t.equal(headers['content-disposition'], 'attachment; filename="audit.csv"')
  const [head, ...rows] = body.replace('\ufeff', '').trim().split('\r\n')
  t.equal(head, 'recorded,who,app,did,what,outcome,patients,study,consents,search')
  t.equal(rows.length, 2)
  t.notMatch(body, /(^|,)[=+@]/m)
})

t.test('an officer of another tenant sees none of it, and others do not have the page', async t => {
  const other = await browserOf(await staff(clinic.organization, 'privacy-officer'))
  const shown = await other.get('/audit')
  t.equal(shown.status, 200)
  t.notMatch(shown.body, new RegExp(ann))
  t.notMatch((await other.get('/audit/events.csv')).body, new RegExp(ann))
  t.match(shown.body, '<a href="/audit"')
  for (const name of ['manager', 'member', 'viewer', 'patient', 'administrator'] as const) {
    t.equal((await people[name].get('/audit')).status, 404, name)
    t.equal((await people[name].get('/audit/events.csv')).status, 404, name)
    t.notMatch((await people[name].get('/account')).body, 'href="/audit"', name)
  }
})

t.test(
  'an administrator who is an officer as well sees what concerns the installation, but no organization’s record',
  async t => {
    const person = await staff(lab.organization, 'privacy-officer')
    const account = { person, email: 'both@example.org', isVerified: true, password: 'x' }
    await addAccount(database, { ...account, administrator: true })
    const both = await browserOf(person)
    t.equal((await both.get('/audit')).status, 404)
    t.equal((await both.get('/audit/events.csv')).status, 404)
    t.notMatch((await both.get('/account')).body, 'href="/audit"')
    t.equal((await both.get('/system/events')).status, 200)
  },
)

t.test('a study is called by its title if the reader may read it, and otherwise just a study', async t => {
  const { id: study } = await world.newStudy(lab.manager, lab.organization, 'Named here', ['omh:heart-rate'])
  for (const id of [study, clinic.study])
    await world.create('everything', {
      resourceType: 'AuditEvent',
      meta: { tag: [{ system: ownerSystem, code: lab.organization }] },
      type: { code: 'rest' },
      recorded: new Date().toISOString(),
      outcomeDesc: 'It was imported',
      agent: [{ requestor: true }],
      source: { observer: { display: 'server' } },
      entity: [{ what: { reference: `ResearchStudy/${id}` } }],
    })
  const imported = (shown: { readonly body: string }) => rowsOf(shown).filter(row => row.includes('It was imported'))
  const seen = await officer.get('/audit')
  t.match(imported(seen), [/It was imported for a study/, /It was imported for a study/], 'an officer alone reads none')
  t.notMatch(seen.body, /ResearchStudy\/|clinics/)
  t.notMatch(rowsOf(await officer.get('/audit?outcome=refused')).join(), 'ResearchStudy', 'no attempt that was refused')

  const person = await staff(lab.organization, 'member')
  const { link } = (await send('everything', 'GET', `Person/${person}`)).json()
  await world.create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: link[0].target,
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'privacy-officer' }] }],
  })
  const member = await browserOf(person)
  const shown = await member.get('/audit')
  t.match(imported(shown), [/It was imported for a study/, /It was imported for the study Named here/])
  t.notMatch(shown.body, /ResearchStudy\/|clinics/)
  t.match((await member.get('/audit/events.csv')).body, /It was imported.*Named here/)

  const of = `/audit?study=${study}`
  t.match(shown.body, `<a href="${of}">for the study Named here</a>`)
  const found = rowsOf(await officer.get(of))
  t.match(imported(await officer.get(of)), [/It was imported for a study/], 'and of the other study nothing')
  t.strictSame(rowsOf(await officer.get(`/audit?study=${study.toUpperCase()}`)), found)
  t.strictSame(imported(await officer.get(`${of}&patient=${ann}`)), [], 'both are asked')
  const [, ...lines] = (await officer.get(`/audit/events.csv?study=${study}`)).body.trim().split('\r\n')
  t.equal(lines.length, found.length)
  for (const none of ['nothing', 'No id', `x,${study}`])
    t.strictSame(rowsOf(await officer.get(`/audit?${new URLSearchParams({ study: none })}`)), [], none)
})

t.test('an officer of another tenant finds nothing by the id of a study', async t => {
  const stranger = await browserOf(await staff(clinic.organization, 'privacy-officer'))
  const { id: study } = await world.newStudy(lab.manager, lab.organization, 'Not theirs', ['omh:heart-rate'])
  t.strictSame(rowsOf(await stranger.get(`/audit?study=${study}`)), [], 'nor what was done to it in another tenant')
})

t.test('a table for invalid days is refused, instead of showing all days', async t => {
  for (const query of [
    'from=2026-02-30',
    'until=yesterday',
    'from=2026-03-02&until=2026-03-01',
    'from=2026-03-01&timezone=CET',
  ]) {
    t.equal((await officer.get(`/audit/events.csv?${query}`)).status, 422, query)
    const { body } = await officer.get(`/audit?${query}`)
    t.notMatch(body, /events\.csv/, 'nor is it offered')
  }
  t.equal((await officer.get('/audit/events.csv?from=2026-02-28')).status, 200)
})

t.test('a choice that there is not is said at its field, and nothing is shown or downloaded for it', async t => {
  const unknown = {
    'action=banana':
      'There is no such choice. Choose one of these: Anything; Read; Searched, or several things at once; Written; Changed; Deleted',
    'action=r':
      'There is no such choice. Choose one of these: Anything; Read; Searched, or several things at once; Written; Changed; Deleted',
    'outcome=toString': 'There is no such choice. Choose one of these: Anything; Done; Refused or failed',
  }
  const another = await browserOf(await staff(lab.organization, 'privacy-officer'))
  for (const [query, problem] of Object.entries(unknown)) {
    const [name = ''] = query.split('=', 1)
    const shown = await officer.get(`/audit?${query}`)
    t.match([shown.status, shown.body], [200, '<title>Problem: '], query)
    t.match(shown.body, `id="${name}-problem">${problem}</p>`)
    t.match(
      shown.body,
      `<select id="${name}" name="${name}" class="form-select is-invalid" aria-describedby="${name}-problem"`,
    )
    t.match(shown.body, `<li><a href="#${name}">${problem}</a></li>`)
    t.strictSame(rowsOf(shown), [])
    t.notMatch(wordsOf(shown), /Nothing (?:matches|is recorded)|Download/)
    t.equal((await another.get(`/audit/events.csv?${query}`)).status, 422)
  }
})

t.test('no filter reveals that a patient has a record with another tenant', async t => {
  const person = await account(bob)
  const { link, ...rest } = (await send('everything', 'GET', `Person/${person}`)).json()
  const linked = { ...rest, link: [...link, { target: { reference: `Patient/${carl}` } }] }
  t.equal((await send('everything', 'PUT', `Person/${person}`, linked)).statusCode, 200)
  await send(viewer, 'GET', `Patient/${bob}`)
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  t.match(rowsOf(await officer.get(`/audit?patient=${bob}`)), [/Read: Patient/])
  for (const other of [carl, 'nobody', 'No id']) {
    const query = new URLSearchParams({ patient: other })
    t.strictSame(rowsOf(await officer.get(`/audit?${query}`)), [], other)
    t.equal((await officer.get(`/audit/events.csv?${query}`)).body.trim().split('\r\n').length, 1, other)
  }
  const bearer = await token({ subject: { kind: 'user', person: persons['privacy officer'] }, scope: 'user/*.rs' })
  for (const path of [`AuditEvent?patient=Patient/${carl}`, `Patient/${carl}/AuditEvent`])
    t.notOk((await send(bearer, 'GET', path)).json().entry, path)
})

t.test('once something has aged, a list does not look as if it were complete', async t => {
  await database.run(sql.fragment`
    INSERT INTO audit_checkpoint (seal, epoch, snapshot, head, rows, made, key, mac)
    SELECT 0, epoch, snapshot, head, 0, sealed, 'key', head FROM audit_seal ORDER BY seal LIMIT 1`)
  t.match(
    wordsOf(await officer.get('/audit?until=2020-01-01')),
    /Nothing matches that\. .* What was recorded before .* UTC may have been removed since/,
  )
})

t.test(
  'whoever is only a privacy officer is led to the record from where they find nothing, and first of all',
  async t => {
    const officer = people['privacy officer']
    for (const page of ['/organizations', '/studies', '/patients'])
      t.match((await officer.get(page)).body, 'As a privacy officer you read <a href="/audit">who did what</a>.', page)
    t.match((await officer.get('/account')).body, /<ul class="list-unstyled rows mb-4"><li><a href="\/audit">/)
    t.notMatch((await people['manager of another tenant'].get('/patients')).body, 'privacy officer')
  },
)
