import type { Consent, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, type Shown, wordsOf } from '../../support/browser.ts'
import { measurementsOf } from '../../support/measurements.ts'
import { consent, openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, update, send, patientToken } = world
t.teardown(() => server.close())
const registry = await world.institution('registry')
const lab = await world.institution('lab')
const kinds = ['omh:blood-glucose', 'omh:blood-pressure', 'omh:step-count', 'omh:body-height']
const coded = await world.study(lab.manager, lab.organization, 'Sugar and steps', kinds, 'coded')

const secrets = { family: 'Secretfamily', given: 'Secretgiven', birthDate: '1961-07-19', number: 'MRN-4711' }
const { id: ann } = await create(registry.manager, {
  resourceType: 'Patient',
  name: [{ family: secrets.family, given: [secrets.given] }],
  gender: 'female',
  birthDate: secrets.birthDate,
  identifier: [{ system: 'https://hospital.example/mrn', value: secrets.number }],
  managingOrganization: { reference: `Organization/${registry.organization}` },
})
const enrolIn = (study: string, patient: string, code: string, more = {}) =>
  create('everything', {
    resourceType: 'ResearchSubject',
    extension: [
      { url: extensions.gender, valueCode: 'female' },
      { url: extensions.birthYear, valueDate: '1961' },
    ],
    identifier: [{ value: code }],
    status: 'candidate',
    study: { reference: `ResearchStudy/${study}` },
    individual: { reference: `Patient/${patient}` },
    ...more,
  })
const give = async (patient: string, study: string, organization: string, given: readonly string[]) =>
  create(await patientToken(patient, 'patient/Consent.cruds'), consent(patient, study, organization, given))
const place = await enrolIn(coded.id, ann, 'K4T7-9PQR')
const given = await give(ann, coded.id, lab.organization, ['omh:blood-glucose', 'omh:step-count', 'omh:body-height'])

const { id: sensor } = await create('everything', {
  resourceType: 'Device',
  deviceName: [{ name: 'Lumina patch', type: 'user-friendly-name' }],
})
const entry = measurementsOf(ann, sensor, Date.parse('2026-03-15T00:00:00Z')).map(resource => ({
  resource,
  request: { method: 'POST', url: 'Observation' },
}))
await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })

const browserOf = async (person: string) => {
  const browser = openBrowser(server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const staff = await browserOf(coded.researcher.person)
const page = `/studies/${coded.id}/people/${place.id}`
const drawnIn = ({ body }: Shown): readonly string[] =>
  [...body.matchAll(/data-chart="([^"]*)"/g)].map(
    ([, text = '']) => JSON.parse(text.replaceAll('&quot;', '"').replaceAll('&lt;', '<')).title,
  )
const linksIn = ({ body }: Shown): readonly string[] =>
  [...body.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'))
/** Everything that tells who somebody is, or leads to the Patient. */
const identity = new RegExp([...Object.values(secrets), ann, '/patients/', '19 July 1961'].join('|'), 'i')

t.test('staff who know people by code read what somebody shares with the study, and not who they are', async t => {
  const shown = await staff.get(page)
  t.equal(shown.status, 200)
  t.match(shown.body, '<title>K4T7-9PQR: Sugar and steps – Sharewell</title>')
  t.match(
    wordsOf(shown),
    /K4T7-9PQR .* UTC Study Sugar and steps Gender female Year of birth 1961 Enrolled \d+ \w+ \d+ at [\d:]+ UTC Answer Shares part of what the study asks for\. Data The newest reading came .*, measured 14 March 2026/,
  )
  t.same(drawnIn(shown), ['The usual day', 'Glucose day by day', 'Steps'])
  t.notMatch(shown.body.replaceAll('href="/patients"', ''), identity)
})

t.test('what no chart draws is said by its source: a device may have the name of whoever wears it', async t => {
  const { id: own } = await create('everything', {
    resourceType: 'Device',
    patient: { reference: `Patient/${ann}` },
    parent: { reference: `Device/${sensor}` },
    deviceName: [{ name: `${secrets.given}’s patch`, type: 'user-friendly-name' }],
  })
  const contained = [{ resourceType: 'Device', id: 'own', deviceName: [{ name: secrets.family, type: 'other' }] }]
  const devices = [
    { device: { reference: `Device/${own}` } },
    { device: { reference: `Device/${own}`, display: `${secrets.given}’s patch` } },
    { contained, device: { reference: '#own' } },
    { device: { identifier: { value: secrets.number } } },
  ]
  for (const [index, device] of devices.entries()) {
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8302-2' }] },
      subject: { reference: `Patient/${ann}` },
      effectiveDateTime: `2026-03-1${index}T10:00:00Z`,
      valueQuantity: { value: 170 + index, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
      ...device,
    } as Observation)
    const shown = await staff.get(page)
    t.match(
      wordsOf(shown),
      `${170 + index} cm 2026-03-1${index} 10:00 ${index < 2 ? 'Lumina patch' : 'source not known'}`,
    )
    t.notMatch(shown.body.replaceAll('href="/patients"', ''), identity)
  }
})

t.test('each list of the study leads there, and the page back to the list as it was', async t => {
  const lists = [
    `/studies/${coded.id}?state=partly&sort=name`,
    `/studies/${coded.id}/completeness?days=28&timezone=Europe%2FBerlin`,
    `/studies/${coded.id}/arrivals`,
  ]
  for (const list of lists) {
    const listed = await staff.get(list)
    const [link = ''] = linksIn(listed).filter(href => href.startsWith(page))
    t.notMatch(listed.body.replaceAll('href="/patients"', ''), identity, list)
    const shown = await staff.get(link)
    t.ok(linksIn(shown).includes(list), list)
    const stays = linksIn(shown).filter(href => href.startsWith(page))
    t.ok(stays.length >= 7)
    for (const href of stays) t.equal(new URL(href, 'http://here').searchParams.get('back'), list, href)
    t.match(shown.body, `<form method="get" action="${page}"`)
  }
})

t.test('days are chosen as on the page of a patient, and what is wrong with them is said there', async t => {
  const one = await staff.get(`${page}?first=2026-03-03&last=2026-03-03&timezone=Asia/Tokyo&glucose=mmol/L`)
  t.match(one.body, /<caption>Steps,[^<]*Asia\/Tokyo[^<]*<\/caption>/)
  const wrong = await staff.get(`${page}?first=soon&last=2026-03-03`)
  t.equal(wrong.status, 200)
  t.match(wrong.body, 'value="soon"')
  t.match(wrong.body, 'aria-invalid="true"')
  const empty = wordsOf(await staff.get(`${page}?first=2025-03-03&last=2025-03-04`))
  t.match(empty, 'From 3 March 2025 to 4 March 2025 there is nothing to be drawn. Choose other days. Show the newest')
})

t.test(
  'it shows what this study may see, also to somebody who may see more of the patient, and their name',
  async t => {
    const other = await world.study(registry.manager, registry.organization, 'Everything', [...kinds, 'omh:heart-rate'])
    await enrolIn(other.id, ann, 'OTHER-1')
    await give(ann, other.id, registry.organization, [...kinds, 'omh:heart-rate'])
    const { practitioner } = coded.researcher
    await create('everything', {
      resourceType: 'PractitionerRole',
      practitioner: { reference: `Practitioner/${practitioner}` },
      organization: { reference: `Organization/${registry.organization}` },
      code: [{ coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/organization-role', code: 'viewer' }] }],
    })
    const whole = await staff.get(`/patients/${ann}`)
    t.match(wordsOf(whole), /Secretgiven Secretfamily/)
    t.same(drawnIn(whole), ['The usual day', 'Glucose day by day', 'Blood pressure', 'Heart rate', 'Steps'])
    const shown = await staff.get(page)
    t.same(drawnIn(shown), ['The usual day', 'Glucose day by day', 'Steps'])
    t.notMatch(shown.body.replaceAll('href="/patients"', ''), identity)

    const [{ resource: named }] = (
      await send('everything', 'GET', `ResearchSubject?study=ResearchStudy/${other.id}`)
    ).json().entry
    const identified = await staff.get(`/studies/${other.id}/people/${named.id}`)
    t.match(wordsOf(identified), /Secretgiven Secretfamily .* UTC Study Everything Code OTHER-1 Gender female/)
    t.ok(
      linksIn(identified).some(href => href.startsWith(`/patients/${ann}?back=`)),
      'leads to the patient',
    )
    t.same(drawnIn(identified), ['The usual day', 'Glucose day by day', 'Blood pressure', 'Heart rate', 'Steps'])
    t.equal((await staff.get(`/studies/${other.id}/people/${place.id}`)).status, 404, 'a place of another study')
  },
)

t.test('what is read there is recorded as read for the study', async t => {
  const { headers } = await staff.get(page)
  const read = await database.any(sql.fragment`
    SELECT DISTINCT study, query FROM audit_record
    WHERE request = ${String(headers['x-request-id'])} AND type = 'Observation' AND query IS NOT NULL`)
  t.ok(read.length > 0)
  for (const one of read) t.match(one, { study: coded.id, query: /^(?!.*Patient\/)/ })
})

t.test('a kind is gone from the page at once when it is withdrawn, and everything when all is', async t => {
  const token = await patientToken(ann, 'patient/Consent.cruds')
  const changed = (change: (now: Consent) => Consent) =>
    send(token, 'GET', `Consent/${given.id}`).then(async answer => update(token, change(answer.json())))
  await changed(now => ({
    ...now,
    provision: { ...now.provision, provision: now.provision?.provision?.slice(0, 1) ?? [] },
  }))
  t.same(drawnIn(await staff.get(page)), ['The usual day', 'Glucose day by day'])
  await changed(now => ({ ...now, status: 'inactive' }))
  const shown = await staff.get(page)
  t.same(drawnIn(shown), [])
  t.match(
    wordsOf(shown),
    /Answer Has withdrawn\. Data You see no data of theirs\. .* You see no measurement of theirs: none was sent, or none is shared with this study, or not with you\. Back to the study/,
  )
})

t.test('a place that names no Patient has a page as well, without measurements', async t => {
  const { id } = await enrolIn(coded.id, ann, 'NOBODY-1', { individual: { display: 'somebody' } })
  const shown = await staff.get(`/studies/${coded.id}/people/${id}`)
  t.equal(shown.status, 200)
  t.match(wordsOf(shown), /NOBODY-1 .* Their place names no patient, so there is nothing to show\./)
})

t.test('there is no such page for the patient, for staff of another study, and for a place that is none', async t => {
  const account = await create('everything', {
    resourceType: 'Person',
    link: [{ target: { reference: `Patient/${ann}` } }],
  })
  const another = await world.study(lab.manager, lab.organization, 'Another', kinds, 'coded')
  const none = await staff.get(`/studies/${coded.id}/people/nobody`)
  t.equal(none.status, 404)
  t.equal((await staff.get(`/studies/${another.id}/people/${place.id}`)).status, 404)
  t.equal((await (await browserOf(account.id)).get(page)).status, 404)
  const { status, location } = await openBrowser(server).get(page)
  t.same([status, location], [303, `/sign-in?${new URLSearchParams({ continue: page })}`])
})
