import { randomUUID } from 'node:crypto'
import type { Observation, Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { sql } from '../../../src/storage/sql.ts'
import { heartRate as measuredRate, upload } from '../../mhealth/upload.ts'
import { setBackWhile } from '../../support/clock.ts'
import { openInvitedApps } from './invited.ts'

const world = await openInvitedApps()
const { ann, api, bob, create, database, enrolled, lab, patientToken, send, server, staffToken, study, update } = world
t.teardown(() => server.close())
const researcher = await staffToken(study.researcher, 'user/*.rs')
const heartRate = { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate:2.0' }
const answering = (consented: unknown, scope: object = heartRate, studyId = study.group) => ({
  studyScopeConsents: [{ studyId, scopeConsents: [{ ...scope, consented }] }],
})
const withId = ({ header, body }: ReturnType<typeof measuredRate>) => ({
  header: { ...header, uuid: randomUUID() },
  body,
})
const own = 'patient/*.rs patient/Consent.cruds patient/ResearchStudy.rs'
const tokenOfNew = async (name: string) => {
  const { patient, subject } = await enrolled(name)
  return { patient, subject, bearer: await patientToken(patient, own), path: `patients/${patient}/consents` }
}
const versionsOf = async (bearer: string) =>
  (await send(bearer, 'GET', 'Consent'))
    .json()
    .entry?.map(({ resource }: { resource: { status: string; meta: { versionId: string } } }) => [
      resource.status,
      resource.meta.versionId,
    ])

type Page = {
  readonly count: number
  readonly next: string | null
  readonly results: readonly { readonly id: string }[]
}

t.test('pages can be reached by their links, and by their numbers', async t => {
  const followed: string[] = []
  for (let path: string | null = 'patients?page_size=1'; path !== null; ) {
    const page: Page = (await api(researcher, 'GET', path)).body
    t.equal(page.count, 2)
    followed.push(...page.results.map(({ id }) => id))
    path = page.next === null ? null : `${page.next.replace('http://localhost:8080/api/v1/', '')}&page_size=1`
  }
  t.same(followed.toSorted(), [ann, bob].toSorted())
  const second = (await api(researcher, 'GET', 'patients?page_size=1&page=2')).body
  t.match(second, { count: 2, next: null, previous: /page=1/, results: [{ id: followed[1] }] })
  const before = second.previous.replace('http://localhost:8080/api/v1/', '')
  t.match(
    (await api(researcher, 'GET', before)).body,
    { count: 2, results: [{ id: followed[0] }] },
    'it is told there as well',
  )
  t.match(await api(researcher, 'GET', 'patients?page=2'), { status: 404, body: { detail: 'Invalid page.' } })
  t.match(await api(researcher, 'GET', 'patients?page=51'), { status: 400, body: { detail: /following next/ } })
  t.match(await api(researcher, 'GET', 'patients?page_size=0'), { status: 400 })
  t.match(await api(researcher, 'GET', 'patients?page_size=2147483647'), { status: 200, body: { count: 2 } })
})

t.test('staff who were launched for a patient read them as staff', async t => {
  const { person } = study.researcher
  const launched = await world.token({
    subject: { kind: 'user', person, launchPatient: ann },
    scope: 'user/*.rs patient/*.rs',
  })
  t.strictSame(await api(launched, 'GET', `patients/${ann}`), await api(researcher, 'GET', `patients/${ann}`))
})

t.test('a device of a patient is none of the data sources', async t => {
  const source = await create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: 'Band', type: 'model-name' }],
  })
  await create('everything', { resourceType: 'Device', patient: { reference: `Patient/${ann}` } })
  const { results }: Page = (await api(await patientToken(ann, 'patient/Device.rs'), 'GET', 'data_sources')).body
  t.strictSame(
    results.map(({ id }) => id),
    [source.id],
  )
})

t.test('a study waits for an answer, gets one, and another one replaces it', async t => {
  const { bearer, path } = await tokenOfNew('Cid')
  t.match((await api(bearer, 'GET', path)).body, {
    consolidatedConsentedScopes: [],
    studiesPendingConsent: [
      {
        id: study.group,
        name: 'hearts',
        pendingScopeConsents: [{ code: heartRate, consented: null, consentedTime: null }],
      },
    ],
    studies: [],
  })
  t.match(await api(bearer, 'POST', path, answering(true)), {
    status: 201,
    body: { studyScopeConsents: [{ scopeCode: heartRate, consented: true, consentedTime: String }] },
  })
  t.equal((await api(bearer, 'POST', path, answering(true))).status, 201)
  t.same(await versionsOf(bearer), [['active', '1']], 'repeating it makes no version')
  t.equal((await api(bearer, 'DELETE', path, answering(true))).status, 204)
  t.same(await versionsOf(bearer), [['inactive', '2']])
  t.match((await api(bearer, 'GET', path)).body, {
    studiesPendingConsent: [],
    studies: [{ scopeConsents: [{ code: heartRate, consented: false }] }],
  })
  t.equal((await api(bearer, 'PATCH', path, answering(true))).status, 200)
  t.same((await versionsOf(bearer)).map(([status]: string[]) => status).toSorted(), ['active', 'inactive'])
})

t.test('a study that names no Group is known by its own id, and nobody is found in it', async t => {
  const { enrollment, ...alone } = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const { patient, bearer, path } = await tokenOfNew('Noa')
  await update('everything', alone)
  t.match(await api(researcher, 'GET', `patients?study_id=${study.id}`), {
    status: 200,
    body: { count: 0, results: [] },
  })
  t.match(await api(researcher, 'GET', 'studies'), {
    status: 200,
    body: { count: 1, results: [{ id: study.id, name: 'hearts' }] },
  })
  t.match(await api(researcher, 'GET', `studies/${study.id}`), {
    status: 200,
    body: { id: study.id, organization: { id: lab.organization } },
  })
  t.match(await api(bearer, 'GET', path), {
    status: 200,
    body: { patient: { id: patient }, studiesPendingConsent: [{ id: study.id }] },
  })
  t.match(await api(bearer, 'POST', path, answering(true, heartRate, study.id)), { status: 201 })
  t.match((await api(bearer, 'GET', path)).body, { studiesPendingConsent: [], studies: [{ id: study.id }] })
  await update('everything', { ...alone, enrollment })
})

t.test('an address or number that is an old one is not shown', async t => {
  const old = { system: 'email', use: 'old', value: 'before@example.org' } as const
  const phone = { system: 'phone', use: 'old', value: '+4930111' } as const
  const email = { system: 'email', value: 'now@example.org' } as const
  const { id } = await create<Patient>(lab.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${lab.organization}` },
    telecom: [old, phone, email],
  })
  t.match((await api(lab.manager, 'GET', `patients/${id}`)).body, {
    telecomEmail: 'now@example.org',
    telecomPhone: null,
  })
  const self = (await send('everything', 'GET', `Practitioner/${study.researcher.practitioner}`)).json()
  await update('everything', { ...self, telecom: [old, email] })
  t.match((await api(researcher, 'GET', 'users/profile')).body, { email: 'now@example.org' })
  await update('everything', self)
})

t.test('a refusal is an answer', async t => {
  const { bearer, path } = await tokenOfNew('Dan')
  t.match(await api(bearer, 'POST', path, answering(false)), {
    status: 201,
    body: { studyScopeConsents: [{ consented: false }] },
  })
  t.same(await versionsOf(bearer), [['rejected', '1']])
})

t.test('a study that is paused or over waits for no answer, nor does one whose patient has left it', async t => {
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const waiting = await tokenOfNew('Wim')
  const answered = await tokenOfNew('Ada')
  await api(answered.bearer, 'POST', answered.path, answering(true))
  const told = async ({ bearer, path }: typeof waiting) => {
    const { body } = await api(bearer, 'GET', path)
    const { studiesPendingConsent, studies, consolidatedConsentedScopes } = body
    return [studiesPendingConsent.length, studies.length, consolidatedConsentedScopes.length]
  }
  for (const change of [
    { status: 'completed' },
    { status: 'temporarily-closed-to-accrual' },
    { period: { end: '2026-01-01' } },
  ]) {
    await update('everything', { ...stored, ...change })
    t.same(
      [await told(waiting), await told(answered)],
      [
        [0, 0, 0],
        [0, 1, 1],
      ],
      JSON.stringify(change),
    )
    t.equal((await api(waiting.bearer, 'POST', waiting.path, answering(true))).status, 422)
  }
  await update('everything', stored)
  t.same(
    [await told(waiting), await told(answered)],
    [
      [1, 0, 0],
      [0, 1, 1],
    ],
  )

  for (const { subject } of [waiting, answered]) {
    const place = (await send('everything', 'GET', `ResearchSubject/${subject}`)).json()
    await update('everything', { ...place, status: 'withdrawn' })
  }
  t.same(
    [await told(waiting), await told(answered)],
    [
      [0, 0, 0],
      [0, 1, 0],
    ],
  )
  t.match(await api(waiting.bearer, 'POST', waiting.path, answering(true)), {
    status: 422,
    body: { detail: 'They have no place in the study now, so there is nothing to agree to' },
  })
  t.equal((await send(waiting.bearer, 'GET', 'Consent')).json().entry, undefined)
  t.equal(
    (await api(answered.bearer, 'DELETE', answered.path, answering(true))).status,
    204,
    'what stands can be ended',
  )
  t.same(await versionsOf(answered.bearer), [['inactive', '2']])
})

t.test('a path that leads on from a patient is none of a patient', async t => {
  const found = await Promise.all(
    [ann, `${ann}%2F_history`, `${ann}%2F$everything`, `..%2FPatient%2F${ann}`].map(id =>
      api(researcher, 'GET', `patients/${id}`),
    ),
  )
  t.strictSame(
    found.map(({ status }) => status),
    [200, 404, 404, 404],
  )
})

t.test('the role that somebody is told is the highest that they have in the organization now', async t => {
  const role = async () => (await api(researcher, 'GET', `organizations/${lab.organization}`)).body.currentUserRole
  t.equal(await role(), 'viewer')
  const lead = await create('everything', {
    resourceType: 'PractitionerRole' as const,
    practitioner: { reference: `Practitioner/${study.researcher.practitioner}` },
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'manager' }] }],
  })
  t.equal(await role(), 'manager')
  for (const over of [{ period: { end: '2026-01-01' } }, { period: { start: '2999-01-01' } }, { active: false }]) {
    await update('everything', { ...lead, ...over })
    t.equal(await role(), 'viewer', JSON.stringify(over))
  }
})

t.test('staff read of each patient what that patient answered, and nothing about others', async t => {
  const people = await Promise.all(['Fay', 'Gus', 'Hal'].map(tokenOfNew))
  const [fay, gus] = people
  await api(fay?.bearer ?? '', 'POST', fay?.path ?? '', answering(true))
  await api(gus?.bearer ?? '', 'POST', gus?.path ?? '', answering(false))
  const told = await Promise.all(people.map(async ({ path }) => (await api(researcher, 'GET', path)).body))
  const answers = (asked: readonly { readonly scopeConsents: readonly { readonly consented: boolean }[] }[]) =>
    asked.map(({ scopeConsents: [one] }) => one?.consented)
  t.same(
    told.map(one => [answers(one.studies), one.consolidatedConsentedScopes.length, one.studiesPendingConsent.length]),
    [
      [[true], 1, 0],
      [[false], 0, 0],
      [[], 0, 1],
    ],
  )
})

t.test(
  'a token that may not see studies, who is in them or what was answered is told so, instead of that nothing is asked',
  async t => {
    const { patient, path, bearer } = await tokenOfNew('Jon')
    await api(bearer, 'POST', path, answering(true))
    const told = async (token: string, method: 'GET' | 'POST', asked: string, body?: object) => {
      const answer = await api(token, method, asked, body)
      return [answer.status, answer.body.detail]
    }
    const needs = (scope: string) => [403, `This token does not allow it: ${scope} is needed`]
    const app = await patientToken(patient, 'patient/*.cruds')
    t.same(await told(app, 'GET', path), needs('patient/ResearchStudy.s'))
    t.same(await told(app, 'POST', path, answering(false)), needs('patient/ResearchStudy.s'))
    const few = await patientToken(patient, 'patient/Consent.rs patient/ResearchStudy.rs')
    t.same(await told(few, 'GET', path), needs('patient/Patient.r'))
    const unanswering = await patientToken(patient, 'patient/Patient.rs patient/ResearchStudy.rs')
    t.same(await told(unanswering, 'GET', path), needs('patient/Consent.s'))
    const documented = await patientToken(patient, 'patient/Patient.rs patient/Consent.cruds patient/ResearchStudy.rs')
    t.match(await api(documented, 'GET', path), { status: 200, body: { studies: [{ organization: null }] } })
    t.equal((await api(documented, 'POST', path, answering(true))).status, 201)
    const staff = (...types: string[]) => staffToken(study.researcher, types.map(type => `user/${type}.rs`).join(' '))
    t.same(await told(await staff('Patient', 'Consent'), 'GET', path), needs('user/ResearchSubject.s'))
    t.same(await told(await staff('Patient', 'Consent', 'ResearchSubject'), 'GET', path), needs('user/ResearchStudy.s'))
    const enough = await staff('Patient', 'Consent', 'ResearchSubject', 'ResearchStudy')
    t.match((await api(enough, 'GET', path)).body, { studies: [{ organization: null }], studiesPendingConsent: [] })
  },
)

t.test('what the Exchange allows only because a check is missing is refused with the reason', async t => {
  const { bearer, path } = await tokenOfNew('Eva')
  const refused = async (expected: { status: number; body: { detail: RegExp } }, ...asked: Parameters<typeof api>) =>
    t.match(await api(...asked), expected, asked.slice(1).join(' '))
  const told = (status: number, detail: RegExp) => ({ status, body: { detail } })
  await refused(told(403, /Only the patient answers/), researcher, 'POST', `patients/${ann}/consents`, answering(true))
  await refused(told(404, /No patient/), bearer, 'POST', `patients/${bob}/consents`, answering(true))
  await refused(told(400, /reset is no parameter here; accepted: none/), bearer, 'GET', `${path}?reset=true`)
  await refused(
    told(400, /does not ask for omh:body-weight; it asks for omh:heart-rate/),
    bearer,
    'POST',
    path,
    answering(true, { ...heartRate, codingCode: 'omh:body-weight:3.0' }),
  )
  await refused(told(400, /true or false/), bearer, 'POST', path, answering('yes'))
  for (const body of [{}, { studyScopeConsents: [] }, { studyScopeConsents: 'all' }])
    await refused(told(400, /is a list of/), bearer, 'POST', path, body)
  for (const wrong of [{ scopeConsents: [] }, { scopeConsents: 'all' }, { studyId: 7 }])
    await refused(
      told(400, /^studyScopeConsents\[0\] has a studyId, which is a text, and a list/),
      bearer,
      'POST',
      path,
      {
        studyScopeConsents: answering(true).studyScopeConsents.map(one => ({ ...one, ...wrong })),
      },
    )
  await refused(told(404, /No study that asks/), bearer, 'POST', path, answering(true, heartRate, 'other'))
  await refused(told(403, /for practitioners/), bearer, 'GET', 'patients')
  await refused(told(403, /for practitioners/), bearer, 'GET', 'patients/global_lookup?email=ann@example.org')
  await refused(told(400, /email is needed/), researcher, 'GET', 'patients/global_lookup')
  await refused(told(403, /for patients/), researcher, 'GET', 'patients/me')
  const subject = { kind: 'user', person: study.researcher.person, launchPatient: ann } as const
  const launched = await world.token({ subject, scope: 'user/*.rs patient/*.rs' })
  await refused(told(403, /for patients/), launched, 'GET', 'patients/me')
  await refused(told(404, /see docs\/faces-api\.md/), researcher, 'GET', 'users')
  await refused(told(401, /not known/), 'x'.repeat(43), 'GET', 'users/profile')
  await refused(told(400, /patient_id is an id/), researcher, 'GET', 'patients?patient_id=a,b')
  await refused(
    told(400, /is given twice, with different values/),
    researcher,
    'GET',
    `patients?study_id=${study.group}&studyId=x`,
  )
})

t.test(
  'a method that a path does not support is refused with those that it does, once the caller is known',
  async t => {
    const rows = [
      ['POST', 'patients', 'GET, HEAD'],
      ['PUT', `patients/${ann}/consents`, 'GET, HEAD, POST, PATCH, DELETE'],
      ['DELETE', 'clients', 'GET, HEAD'],
      ['DELETE', 'users/profile', 'GET, HEAD'],
    ] as const
    for (const [method, path, allowed] of rows) {
      const ask = (headers: object) => server.inject({ method, url: `/api/v1/${path}`, headers: { ...headers } })
      const { statusCode, headers, json } = await ask({ authorization: `Bearer ${researcher}` })
      t.strictSame([statusCode, headers.allow], [405, allowed], `${method} ${path}`)
      t.match(json().detail, /is not answered here/)
      const { statusCode: unknown, headers: told } = await ask({})
      t.strictSame([unknown, told.allow], [401, undefined])
    }
    t.match(await server.inject({ url: '/api/v1/invitation/x' }), { statusCode: 405, headers: { allow: 'POST' } })
  },
)

t.test('bodies are accepted as libraries send them', async t => {
  const post = (path: string, type: string | undefined, payload: string, bearer?: string) =>
    server.inject({
      method: 'POST',
      url: `/api/v1/${path}`,
      headers: {
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      payload,
    })
  const rows = [
    [undefined, ''],
    ['application/json; charset=utf-8', ''],
    ['application/json', '{}'],
    ['application/x-www-form-urlencoded', ''],
    ['text/plain', 'x'],
  ] as const
  for (const [type, payload] of rows) {
    const answer = await post(`invitation/${'0'.repeat(32)}`, type, payload)
    t.match([answer.statusCode, answer.json()], [404, { detail: 'There is no such invitation' }], `${type} ${payload}`)
  }
  const { bearer, path } = await tokenOfNew('Ida')
  const inSnakeCase = JSON.stringify(answering(true)).replaceAll(
    /(?<=[a-z])[A-Z](?=\w*":)/g,
    letter => `_${letter.toLowerCase()}`,
  )
  t.match(inSnakeCase, /"study_scope_consents".*"study_id".*"coding_code"/)
  t.equal((await post(path, 'application/json', inSnakeCase, bearer)).statusCode, 201)
  t.match((await post(path, 'application/json', '', bearer)).json(), { detail: /studyScopeConsents is a list/ })
  t.match((await post(path, 'application/json', '{', bearer)).json(), { detail: /The body is not JSON/ })
  t.match((await post(path, 'text/plain', 'x', bearer)).json(), {
    detail: 'text/plain is not taken here; send application/json',
  })
})

t.test('what came as a FHIR Observation has no document', async t => {
  const measured = await create(await patientToken(ann, 'patient/*.cruds'), {
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
    effectiveDateTime: '2026-11-01T08:00:00Z',
  })
  t.match((await api(researcher, 'GET', `observations?observation_id=${measured.id}`)).body.results, [
    {
      id: measured.id,
      codeableConceptId: 'omh:heart-rate',
      codingCode: '8867-4',
      codingText: 'Heart rate',
      omhData: null,
    },
  ])
})

t.test('the numbers of what was entered in error or cancelled are shown nowhere', async t => {
  const token = await patientToken(ann, 'patient/*.cruds')
  for (const [value, status, omhData] of [
    [61, 'final', { body: { heart_rate: { value: 61 } } }],
    [62, 'cancelled', null],
    [63, 'entered-in-error', null],
  ] as const) {
    const document = withId(measuredRate(value))
    const { device: _, ...sent } = upload(document, { subject: { reference: `Patient/${ann}` }, status })
    const { id } = await create(token, sent as unknown as Observation)
    const { results } = (await api(researcher, 'GET', `observations?observation_id=${id}`)).body
    t.match(results, [{ id, codingCode: 'omh:heart-rate:2.0', omhData }], status)
  }
})

t.test('a document that begins with a byte order mark is shown like any other', async t => {
  const document = withId(measuredRate(64))
  const data = Buffer.from(`\uFEFF${JSON.stringify(document)}`).toString('base64')
  const valueAttachment = { contentType: 'application/json', data }
  const { device: _, ...sent } = upload(document, { subject: { reference: `Patient/${ann}` }, valueAttachment })
  const { id } = await create(await patientToken(ann, 'patient/*.cruds'), sent as unknown as Observation)
  const { status, body } = await api(researcher, 'GET', `observations?observation_id=${id}`)
  t.match([status, body.results], [200, [{ id, omhData: document }]])
})

t.test('staff can see the apps that redeem invitations themselves', async t => {
  const { id } = world.app
  t.same((await api(researcher, 'GET', 'clients')).body, {
    count: 1,
    next: null,
    previous: null,
    results: [{ id, name: 'Heart app', clientId: id, invitationUrl: 'https://app.example.org/invitation/CODE' }],
  })
  t.equal((await api(await patientToken(ann, own), 'GET', 'clients')).status, 403)
})

t.test('reading with it is in the audit trail, like reading at /fhir', async t => {
  const { last } = await database.one<{ last: string }>(
    sql.fragment`SELECT coalesce(max(id), 0)::text AS last FROM audit_record`,
  )
  await api(researcher, 'GET', `patients/${ann}`)
  await api(researcher, 'GET', `observations?patient_id=${ann}`)
  await api(await patientToken(ann, 'patient/Observation.rs'), 'GET', 'patients/me')
  const rows = await database.any<Readonly<Record<'interaction' | 'type' | 'outcome', string>>>(sql.fragment`
    SELECT interaction, type, outcome FROM audit_record WHERE id > ${last}::bigint AND type IN ('Patient', 'Observation') ORDER BY id`)
  t.same(
    rows.map(({ interaction, type, outcome }) => `${interaction} ${type} ${outcome}`),
    ['read Patient 200', 'search-type Observation 200', 'search-type Patient 200', 'read Patient 403'],
  )
})

t.test('somebody who tries thousands of invitation tokens is told to come back later', async t => {
  const tried = () => server.inject({ method: 'POST', url: `/api/v1/invitation/${'1'.repeat(32)}` })
  const answers = []
  while (answers.at(-1)?.statusCode !== 429 && answers.length <= 1200) answers.push(await tried())
  t.same(new Set(answers.slice(0, -1).map(({ statusCode }) => statusCode)), new Set([404]))
  t.ok(answers.length > 1000, 'a hall full of people has redeemed theirs before')
  const last = answers.at(-1)
  t.match([last?.statusCode, last?.json()], [429, { detail: 'Too many requests' }])
  t.match(last?.headers['retry-after'], /^\d+$/)
  setBackWhile(t, 61)
  t.match(await tried(), { statusCode: 404 }, 'a minute later, even if the clock was set back')
})
