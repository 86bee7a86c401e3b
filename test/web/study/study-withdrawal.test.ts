import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { inactivationReason, organizationRole } from '../../../src/access/vocabulary.ts'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { consent, openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, update, send, institution, staffToken } = world
t.teardown(() => server.close())

const lab = await institution('lab')
const elsewhere = await institution('elsewhere')
const study = await world.study(lab.manager, lab.organization, 'hearts', ['omh:heart-rate'])
const other = await world.study(elsewhere.manager, elsewhere.organization, 'others', ['omh:heart-rate'])
const patient = await world.participant(lab.manager, lab.organization, study.id, ['omh:heart-rate'], 'Ann')
const first = async (query: string) => (await send('everything', 'GET', query)).json().entry?.[0]?.resource
const { id: subject } = await first(`ResearchSubject?patient=Patient/${patient}`)
const consentOf = () => first(`Consent?patient=Patient/${patient}`)
const page = `/studies/${study.id}/people/${subject}/withdrawal`

const signedIn = async ({ person }: { readonly person: string }) => {
  const browser = openBrowser(server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const coordinator = await (async () => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ text: 'Cora' }] })
  const practitioner = { reference: `Practitioner/${id}` }
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner,
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'viewer' }] }],
  })
  const person = await create('everything', { resourceType: 'Person', link: [{ target: practitioner }] })
  const stored: ResearchStudy = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const role = { coding: [{ system: systems.staffRole, code: 'coordinator' }] }
  const entry = {
    url: extensions.staff,
    extension: [
      { url: 'practitioner', valueReference: practitioner },
      { url: 'role', valueCodeableConcept: role },
    ],
  }
  await update(lab.manager, { ...stored, extension: [...(stored.extension ?? []), entry] })
  return { person: person.id }
})()
const staff = await signedIn(coordinator)

t.test('nobody else can end what somebody gives, or is told of it', async t => {
  for (const somebody of [other.researcher, study.researcher]) {
    const browser = await signedIn(somebody)
    t.equal((await browser.get(page)).status, 404)
    const { body } = await browser.get('/account')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    t.equal((await browser.post(page, { _csrf, reason: 'They called' })).status, 404)
    t.notMatch((await browser.get(`/studies/${study.id}`)).body, page)
  }
  t.equal((await consentOf()).status, 'active')
})

t.test('what somebody gives a study is not ended from their place in another', async t => {
  const night = await world.study(lab.manager, lab.organization, 'night', ['omh:heart-rate'])
  const { id: place } = await world.enrol(lab.manager, night.id, patient)
  t.equal((await staff.get(`/studies/${study.id}/people/${place}/withdrawal`)).status, 404)
})

t.test('nor from a place of somebody of whom this server has no record', async t => {
  const { id: place } = await create('everything', {
    resourceType: 'ResearchSubject',
    status: 'on-study',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: 'https://elsewhere.example.org/fhir/Patient/1' },
  })
  t.equal((await staff.get(`/studies/${study.id}/people/${place}/withdrawal`)).status, 404)
})

t.test('staff see for whom they end it', async t => {
  t.match(wordsOf(await staff.get(page)), /Withdraw for a patient Patient Ann They agreed on/)
  const stored = JSON.parse((await send('everything', 'GET', `ResearchSubject/${subject}`)).body)
  await update('everything', { ...stored, identifier: [{ value: 'H-7' }] })
  t.match(wordsOf(await staff.get(page)), /Patient Ann, H-7 They/)
})

t.test('a Consent that does not say when it was signed can be ended, too', async t => {
  const kinds = ['omh:heart-rate']
  const ina = (
    await create('everything', {
      resourceType: 'Patient',
      name: [{ family: 'Ina' }],
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
  ).id
  const place = await world.enrol(lab.manager, study.id, ina)
  const { dateTime: _, ...unsaid } = consent(ina, study.id, lab.organization, kinds)
  await create('everything', unsaid)
  t.match(
    wordsOf(await staff.get(`/studies/${study.id}/people/${place.id}/withdrawal`)),
    /Withdraw for a patient Patient Ina The consent does not say when they agreed\. /,
  )
})

t.test('why it ends stands in the Consent alone, without why it had ended before it was given again', async t => {
  const ivo = await world.participant(lab.manager, lab.organization, study.id, ['omh:heart-rate'], 'Ivo')
  const place = await first(`ResearchSubject?patient=Patient/${ivo}`)
  const given = await first(`Consent?patient=Patient/${ivo}`)
  const why = (text: string) => ({ url: inactivationReason, valueCodeableConcept: { text } })
  const others = given.extension ?? []
  await update('everything', { ...given, extension: [...others, why('Was away for a year')] })
  const at = `/studies/${study.id}/people/${place.id}/withdrawal`
  t.match(await staff.send(at, { reason: 'They called on 1 May' }), { status: 303 })
  const { status, extension } = await first(`Consent?patient=Patient/${ivo}`)
  t.same([status, extension], ['inactive', [...others, why('They called on 1 May')]])
})

t.test('the page leads back to the list from which it was opened, as it was', async t => {
  const query = '?sort=name&amp;find=H-7'
  const list = await staff.get(`/studies/${study.id}${query.replace('&amp;', '&')}`)
  t.match(list.body, `href="${page}${query}"`)
  const shown = await staff.get(`${page}${query.replace('&amp;', '&')}`)
  t.match(shown.body, `action="${page}${query}"`)
  t.match(shown.body, `href="/studies/${study.id}${query}">Back to the study`)
})

t.test('staff say how the patient told them; without that nothing ends', async t => {
  t.match((await staff.get(`/studies/${study.id}`)).body, `href="${page}"`)
  const missing = await staff.send(page, { reason: ' ' })
  t.match([missing.status, wordsOf(missing)], [422, /Enter how and when the patient told you/])
  t.equal((await consentOf()).status, 'active')
})

t.test('it ends at once, with the reason, and is recorded as done by them', async t => {
  const answer = await staff.send(page, { reason: 'Called on 24 November, asked for by name and birth date' })
  const done = `/studies/${study.id}?done=withdrawn&subject=${subject}`
  t.match(answer, { status: 303, location: done })
  t.match(
    wordsOf(await staff.get(done)),
    / The patient is withdrawn: they share nothing with this study from now on\. Your reason is kept with the consent\. Patient Ann, H-7 Status /,
  )
  const consent = await consentOf()
  t.match(consent, {
    status: 'inactive',
    extension: [
      {
        url: 'https://sharewell.dev/fhir/StructureDefinition/inactivation-reason',
        valueCodeableConcept: { text: 'Called on 24 November, asked for by name and birth date' },
      },
    ],
  })
  t.match(wordsOf(await staff.get(`/studies/${study.id}`)), /Has withdrawn/)
  t.equal((await staff.get(page)).status, 404, 'there is nothing more to end')
  const link = [{ target: { reference: `Patient/${patient}` } }]
  const ann = await signedIn({ person: (await create('everything', { resourceType: 'Person', link })).id })
  t.match(
    wordsOf(await ann.get(`/sharing/${study.id}`)),
    /You share nothing with this study now\. The staff of the study have ended it, and say why: Called on 24 November/,
  )
})

t.test('what was done for somebody is only reported while they are in the study, to readers who see them', async t => {
  const away = await world.participant(elsewhere.manager, elsewhere.organization, other.id, ['omh:heart-rate'], 'Zita')
  const { id } = await first(`ResearchSubject?patient=Patient/${away}`)
  const page = `/studies/${study.id}`
  for (const query of [
    `done=withdrawn&subject=${id}`,
    `done=else&subject=${subject}`,
    'done=withdrawn',
    'done=withdrawn&subject=%00',
  ]) {
    const shown = await staff.get(`${page}?${query}`)
    t.match([shown.status, wordsOf(shown)], [200, /hearts/], query)
    t.notMatch(wordsOf(shown), /is withdrawn|Zita/, query)
  }
  const theirs = await signedIn(other.researcher)
  t.equal((await theirs.get(`${page}?done=withdrawn&subject=${subject}`)).status, 404)
})

t.test('no link claims that something was done for somebody who shares or never answered', async t => {
  const sharing = await world.participant(lab.manager, lab.organization, study.id, ['omh:heart-rate'], 'Yara')
  const silent = await world.create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Xenia' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await world.create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'on-study',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${silent.id}` },
  })
  for (const [patient, done] of [
    [sharing, 'withdrawn'],
    [silent.id, 'withdrawn'],
    [silent.id, 'confirmed'],
  ] as const) {
    const { id } = await first(`ResearchSubject?patient=Patient/${patient}`)
    const shown = wordsOf(await staff.get(`/studies/${study.id}?done=${done}&subject=${id}`))
    t.match(shown, /Yara/)
    t.notMatch(shown, /is withdrawn|is confirmed/, done)
  }
})

t.test('staff cannot give again what staff ended', async t => {
  const consent = await consentOf()
  for (const by of [lab.manager, await staffToken(study.researcher, 'user/*.cruds')])
    for (const status of ['active', 'proposed'])
      t.ok(
        [403, 404, 422].includes((await send(by, 'PUT', `Consent/${consent.id}`, { ...consent, status })).statusCode),
      )
  t.equal((await consentOf()).status, 'inactive')
})

t.test('if two people end it at once, one does, and the other is told that something changed meanwhile', async t => {
  const given = await world.participant(lab.manager, lab.organization, study.id, ['omh:heart-rate'], 'Bob')
  const { id } = await first(`ResearchSubject?patient=Patient/${given}`)
  const form = `/studies/${study.id}/people/${id}/withdrawal`
  const { body } = await staff.get(form)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  const version = /name="version" value="([^"]*)"/.exec(body)?.[1] ?? ''
  const { answers } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
    const both = ['They called', 'They wrote'].map(reason => staff.post(form, { _csrf, version, reason }))
    await someoneWaits(connection, both.length)
    return { answers: Promise.all(both) }
  })
  const shown = await answers
  t.same(shown.map(({ status }) => status).toSorted(), [303, 409])
  const refused = shown.find(({ status }) => status === 409)
  const late =
    /What they gave had ended before you sent this\. Nothing was changed, and what you entered was not noted\. Patient Bob Answer Has withdrawn/
  t.match(refused && wordsOf(refused), late)
  const later = await staff.post(form, { _csrf, version, reason: 'They called again' })
  t.match([later.status, wordsOf(later)], [409, late], 'and so is whoever comes later')
  const theirs = await signedIn(study.researcher)
  const token = /name="_csrf" value="([^"]*)"/.exec((await theirs.get('/account')).body)?.[1] ?? ''
  t.equal((await theirs.post(form, { _csrf: token, version, reason: 'They called' })).status, 404)
})

t.test('what the patient has agreed to since staff opened the page is not ended before staff have seen it', async t => {
  const kinds = ['omh:heart-rate']
  const given = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Pola')
  const { id } = await first(`ResearchSubject?patient=Patient/${given}`)
  const form = `/studies/${study.id}/people/${id}/withdrawal`
  const { body } = await staff.get(form)
  const [_csrf = '', version = ''] = ['_csrf', 'version'].map(
    name => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1],
  )
  const stored = await first(`Consent?patient=Patient/${given}`)
  await update('everything', { ...stored, status: 'inactive' })
  const anew = { ...consent(given, study.id, lab.organization, kinds), dateTime: new Date().toISOString() }
  await create(await world.patientToken(given, 'patient/*.cruds patient/Consent.cruds'), anew)
  const statuses = async () =>
    ((await send('everything', 'GET', `Consent?patient=Patient/${given}`)).json().entry ?? [])
      .map(({ resource }: { resource: { status: string } }) => resource.status)
      .toSorted()
  for (const shown of [version, '']) {
    const answer = await staff.post(form, { _csrf, version: shown, reason: 'Called in January' })
    t.equal(answer.status, 409)
    t.match(
      wordsOf(answer),
      /What the patient gives has changed since you opened this page: they may have agreed again\. Nothing is ended\..* They agreed on/,
    )
    t.match(answer.body, 'Called in January', 'what was typed is kept')
    t.same(await statuses(), ['active', 'inactive'])
  }
  t.equal((await staff.send(form, { reason: 'Called in February' })).status, 303)
  t.same(await statuses(), ['inactive', 'inactive'])
})

t.test('with two records of one human in a study, staff end what the human gives from either place', async t => {
  const given = await world.participant(lab.manager, lab.organization, study.id, ['omh:heart-rate'], 'Olga')
  const { id: other } = await create(lab.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const place = await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${other}` },
  })
  const at = `/studies/${study.id}/people/${place.id}/withdrawal`
  t.equal((await staff.get(at)).status, 404, 'while they are separate')
  const link = [given, other].map(one => ({ target: { reference: `Patient/${one}` } }))
  await create('everything', { resourceType: 'Person', link })
  t.match((await staff.get(`/studies/${study.id}`)).body, `href="${at}"`)
  t.equal((await staff.get(at)).status, 200)
  t.equal((await staff.send(at, { reason: 'Called on 24 November' })).status, 303)
  t.equal((await first(`Consent?patient=Patient/${given}`)).status, 'inactive')
})

t.test('consents of somebody who has left are ended on the study’s page, and they are enrolled again', async t => {
  const patient = await world.participant(lab.manager, lab.organization, study.id, ['omh:heart-rate'], 'Lea')
  const consent = () => first(`Consent?patient=Patient/${patient}`)
  const place = await first(`ResearchSubject?patient=Patient/${patient}`)
  await update(lab.manager, { ...place, status: 'withdrawn' })
  const anew = () =>
    send(lab.manager, 'POST', 'ResearchSubject', {
      resourceType: 'ResearchSubject',
      status: 'candidate',
      study: { reference: `ResearchStudy/${study.id}` },
      individual: { reference: `Patient/${patient}` },
    })
  t.equal((await anew()).statusCode, 422)

  const at = `/studies/${study.id}/people/${place.id}/withdrawal`
  const list = `/studies/${study.id}?state=ended`
  const shown = await staff.get(list)
  t.match(
    wordsOf(shown),
    /Their place in the study has ended\. They do not want to take part\. Their consent still stands, though it has no effect: they can be enrolled again only once it is ended\./,
  )
  t.match(shown.body, `<a href="${at}?state=ended" aria-label="End their consent: Lea">End their consent</a>`)
  t.match(wordsOf(await staff.get(at)), /They can be enrolled again once it is ended here too\..* Why it is ended/)
  t.match(await staff.send(at, { reason: '' }), { status: 422, body: /Enter why it is ended/ })
  const reason = 'x'.repeat(1001)
  t.match(await staff.send(at, { reason }), { status: 422, body: /Use at most 1000 characters/ })
  t.equal((await staff.send(at, { reason: 'They come back' })).status, 303)
  t.equal((await consent()).status, 'inactive')
  t.notMatch((await staff.get(list)).body, at)
  t.equal((await anew()).statusCode, 201)
})
