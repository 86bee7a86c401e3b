import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/events/log.ts'
import { appToken } from '../../src/storage/study/app-invitation.ts'
import { openInvitedApps } from '../faces/api/invited.ts'

/** An app that has nothing but the link of an invitation: whoever uses it may be anybody who saw the message. */
const world = await openInvitedApps()
const { api, create, enrolled, invite, invited, lab, newStudy, patientToken, send, study, tokenOf } = world
t.teardown(() => world.server.close())

const heartRate = (patient: string, at: Date, id: string) => ({
  resourceType: 'Observation' as const,
  status: 'final' as const,
  subject: { reference: `Patient/${patient}` },
  code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }] },
  extension: [
    {
      url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value',
      valueAttachment: {
        contentType: 'application/json',
        data: Buffer.from(
          JSON.stringify({
            header: {
              uuid: `6e3db887-4a20-3222-9998-2972af6fb0${id}`,
              schema_id: { namespace: 'omh', name: 'heart-rate', version: '2.0' },
              source_creation_date_time: at.toISOString(),
              modality: 'sensed',
            },
            body: {
              heart_rate: { value: 61, unit: 'beats/min' },
              effective_time_frame: { date_time: at.toISOString() },
            },
          }),
        ).toString('base64'),
      },
    },
  ],
})

const one = await invited('Zoe')
const { patient } = one
const secrets = ['Zoe', '1970-01-01', 'secret-Zoe', 'secret-diagnosis', 'secret-study']
const other = await newStudy(lab.manager, lab.organization, 'secret-study', ['omh:heart-rate'])
await create(lab.manager, {
  resourceType: 'ResearchSubject',
  status: 'on-study',
  study: { reference: `ResearchStudy/${other.id}` },
  individual: { reference: `Patient/${patient}` },
})
const condition = await create(lab.manager, {
  resourceType: 'Condition',
  subject: { reference: `Patient/${patient}` },
  code: { text: 'secret-diagnosis' },
})

// Everything below belongs to the patient whom somebody has seen: an answer to another study, and their data.
const own = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
const answered = (await api(own, 'POST', `patients/${patient}/consents`, {
  studyScopeConsents: [
    {
      studyId: other.group,
      scopeConsents: [
        { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate:2.0', consented: true },
      ],
    },
  ],
})) as { status: number }
const hours = (count: number) => new Date(Date.now() + count * 3_600_000)
const oldAt = hours(-24)
const old = await create(own, heartRate(patient, oldAt, '01'))
// By its time measured after the app came, but stored before.
const ahead = await create(own, heartRate(patient, hours(1), '02'))
const bearer = await tokenOf(one.token)
const isSilent = (body: string) => secrets.every(secret => !body.includes(secret))

t.test('what exists before was written by the patient', async t => {
  t.equal(answered.status, 201)
})

t.test('nothing older is read, found, counted or included', async t => {
  const asked = [
    `Observation?_total=accurate`,
    `Observation?patient=${patient}&_include=Observation:subject&_revinclude=Provenance:target&_total=accurate`,
    `Observation?code=omh:heart-rate&_summary=count`,
    `Observation?date=lt2100&_sort=-date`,
    'Observation/_history',
    '_history?_count=1000',
    'Consent?_total=accurate&_include=*',
    'ResearchStudy?_include=*&_revinclude=*',
    'Organization?_revinclude=*',
    'Device?_revinclude=*',
    `?_type=Observation,Consent,ResearchStudy`,
    `Patient/${patient}/$everything`,
    `Observation/$lastn?patient=${patient}&code=omh:heart-rate`,
    `Observation/$stats?subject=Patient/${patient}&code=omh:heart-rate&statistic=count`,
    `Patient/${patient}/*`,
    `Patient/${patient}/Observation`,
  ]
  for (const path of asked) {
    const { statusCode, body } = await send(bearer, 'GET', path)
    t.ok(isSilent(body), `${path}: ${statusCode}`)
    t.notMatch(body, new RegExp(`${old.id}|${ahead.id}|${condition.id}|${other.id}`), path)
    const { type, total, entry } = JSON.parse(body) as Bundle
    if (type === 'history' && !path.includes('/')) {
      t.equal(total, entry?.length)
      t.strictSame(
        entry?.map(({ resource }) => resource?.resourceType),
        ['ResearchStudy', 'Organization'],
      )
    } else if (statusCode === 200) t.notMatch(body, /"total":[1-9]/, path)
  }
  for (const path of [
    `Observation/${old.id}`,
    `Observation/${old.id}/_history`,
    `Observation/${old.id}/_history/1`,
    `Observation/${ahead.id}`,
    `ResearchStudy/${other.id}`,
    `Consent/${patient}`,
  ])
    t.equal((await send(bearer, 'GET', path)).statusCode, 404, path)
  for (const type of [
    'Patient',
    'ResearchSubject',
    'Condition',
    'AuditEvent',
    'Provenance',
    'Person',
    'Practitioner',
    'Group',
  ])
    t.equal((await send(bearer, 'GET', type)).statusCode, 403, type)
  t.equal((await send(bearer, 'GET', `Patient/${patient}`)).statusCode, 403)
})

t.test('nothing older is reached by a batch, or by what it is linked to', async t => {
  const entry = [`Observation/${old.id}`, `Patient/${patient}`, 'Observation?_summary=count'].map(url => ({
    request: { method: 'GET', url },
  }))
  const { body } = await send(bearer, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })
  t.ok(isSilent(body))
  t.match(
    JSON.parse(body).entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 3)),
    ['404', '403', '200'],
  )
  t.notMatch(body, /"total":[1-9]/)
  for (const path of [
    'Observation?subject:Patient.birthdate=1970-01-01',
    'ResearchStudy?_has:ResearchSubject:study:patient=Patient/x',
    'Observation?_sort=subject:Patient.name',
  ])
    t.not((await send(bearer, 'GET', path)).statusCode, 200, path)
})

t.test('nothing older is changed, added to or removed', async t => {
  t.equal(
    (await send(bearer, 'PUT', `Observation/${old.id}`, { ...heartRate(patient, hours(2), '03'), id: old.id }))
      .statusCode,
    404,
  )
  const deleted = await world.server.inject({
    method: 'DELETE',
    url: `/fhir/Observation/${old.id}`,
    headers: { authorization: `Bearer ${bearer}` },
  })
  t.notOk(deleted.body.includes('Zoe'))
  t.equal((await send(own, 'GET', `Observation/${old.id}`)).statusCode, 200)
  t.equal((await send(bearer, 'POST', 'Subscription', { resourceType: 'Subscription' })).statusCode, 403)
  t.equal((await send(bearer, 'POST', 'Condition', { resourceType: 'Condition' })).statusCode, 403)
  const consents = await api(bearer, 'POST', `patients/${patient}/consents`, {
    studyScopeConsents: [
      {
        studyId: other.group,
        scopeConsents: [
          { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate', consented: false },
        ],
      },
    ],
  })
  t.equal(consents.status, 404, 'nor is an answer to another study')
})

t.test('knowing the id of an older document allows neither changing it nor marking it as a mistake', async t => {
  const before = (await send(own, 'GET', `Observation/${old.id}`)).body
  for (const sent of [
    heartRate(patient, hours(-23), '01'),
    { ...heartRate(patient, hours(-23), '01'), status: 'entered-in-error' },
  ]) {
    const answer = await send(bearer, 'POST', 'Observation', sent)
    t.equal(answer.statusCode, 403)
    t.notOk(answer.body.includes(old.id))
    t.match(answer.body, /changes nothing that was there before it, until the patient says on their own page/)
  }
  const { extension: _, ...rest } = heartRate(patient, hours(-23), '99')
  const unasked = { ...rest, code: { coding: [{ system: 'http://loinc.org', code: '1-8' }] } }
  const refused = await send(bearer, 'POST', 'Observation', unasked)
  t.equal(refused.statusCode, 403)
  t.match(refused.body, /changes nothing that was there before it/, 'the same is said of everything that is refused')
  t.equal((await send(own, 'GET', `Observation/${old.id}`)).body, before)
})

t.test('no answer to an uploaded measurement reveals whether it existed before, or was removed', async t => {
  const removedAt = hours(-30)
  const removed = await create(own, heartRate(patient, removedAt, '11'))
  await world.server.inject({
    method: 'DELETE',
    url: `/fhir/Observation/${removed.id}`,
    headers: { authorization: `Bearer ${own}` },
  })
  const sentTwice = async (at: Date, id: string) => {
    const one = heartRate(patient, at, id)
    const entry = [one, one].map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } }))
    const answers = [
      await send(bearer, 'POST', 'Observation', one),
      await send(bearer, 'POST', 'Observation', one),
      await send(bearer, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry }),
    ]
    const texts = answers.map(
      ({ statusCode, headers, body }) => `${statusCode} ${headers.location} ${headers.etag} ${body}`,
    )
    const ids = texts.flatMap(text =>
      [...text.matchAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}/g)].map(([found]) => found),
    )
    t.notOk(ids.includes(old.id) || ids.includes(removed.id))
    const missing = (await send(bearer, 'GET', `Observation/${ids[0]}`)).statusCode
    return [missing, ...ids.reduce((all, one) => all.map(text => text.replaceAll(one, 'ID')), texts)].map(text =>
      `${text}`
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'NOW')
        .replace(/"data":\s?"[^"]+"/g, 'DATA')
        .replace(/"(hash|value)":\s?"[^"]+"/g, 'NAME'),
    )
  }
  const unheard = await sentTwice(hours(-26), '12')
  t.match(unheard[0], /404/)
  t.match(unheard[1], /^201 .*ID/)
  t.strictSame(await sentTwice(oldAt, '01'), unheard, 'sent before, by another app')
  t.strictSame(await sentTwice(oldAt, '13'), unheard, 'the same measurement under another uuid')
  t.strictSame(await sentTwice(removedAt, '11'), unheard, 'deleted')
})

t.test('the contract of the JupyterHealth Exchange reveals no more', async t => {
  for (const path of [
    'users/profile',
    'patients/me',
    `patients/${patient}`,
    `patients/${patient}/consents`,
    'studies',
    'organizations',
    'data_sources',
    'observations',
  ]) {
    const { status, body } = await api(bearer, 'GET', path)
    t.equal(status, 200, path)
    t.ok(isSilent(JSON.stringify(body)), path)
    t.notMatch(JSON.stringify(body), new RegExp(`${old.id}|${ahead.id}|${other.id}|${other.group}`), path)
  }
  for (const path of ['patients', 'patients/global_lookup?email=zoe@example.org', 'clients'])
    t.equal((await api(bearer, 'GET', path)).status, 403, path)
  t.equal((await api(bearer, 'GET', `patients/${world.ann}`)).status, 403)
})

t.test('nor does FHIR R5', async t => {
  for (const path of [
    'Observation',
    `Observation?patient=${patient}`,
    `Observation/${old.id}`,
    'Patient',
    `Patient/${patient}`,
    'Organization',
    'Group',
  ]) {
    const headers = { authorization: `Bearer ${bearer}` }
    const { statusCode, body } = await world.server.inject({ url: `/FHIR/R5/${path}`, headers })
    t.ok(isSilent(body), `${path}: ${statusCode}`)
    t.notMatch(body, new RegExp(`"id":"(${old.id}|${ahead.id}|${other.group})"`), path)
  }
})

t.test('nor do the data points of Open mHealth', async t => {
  const headers = { authorization: `Bearer ${bearer}` }
  const ask = (path: string) => world.server.inject({ url: `/omh/v1/dataPoints${path}`, headers })
  const schema = 'schema_namespace=omh&schema_name=heart-rate&schema_version=2.0'
  const listed = await ask(`?${schema}`)
  t.same([listed.statusCode, listed.body], [200, '[]'])
  t.equal((await ask('/6e3db887-4a20-3222-9998-2972af6fb001')).statusCode, 404)
})

t.test('it answers its own study and sends measurements, and sees those measured since it came', async t => {
  const scopeConsents = [
    { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate:2.0', consented: true },
  ]
  const body = { studyScopeConsents: [{ studyId: study.group, scopeConsents }] }
  t.match(await api(bearer, 'POST', `patients/${patient}/consents`, body), { status: 201 })
  const before = await create(bearer, heartRate(patient, hours(-48), '04'))
  const since = await create(bearer, heartRate(patient, hours(2), '05'))
  const { entry } = (await send(bearer, 'GET', 'Observation')).json()
  t.same(
    entry.map(({ resource }: { resource: { id: string } }) => resource.id),
    [since.id],
  )
  t.equal((await send(own, 'GET', `Observation/${before.id}`)).statusCode, 200)
  t.equal((await send(bearer, 'GET', `Observation/${before.id}`)).statusCode, 404)
  const again = await send(bearer, 'POST', 'Observation', heartRate(patient, hours(-24), '01'))
  t.notOk(again.body.includes('Zoe'), 'what existed before is recognized without revealing it')
})

t.test('with required references, what it sends refers to its patient and to nobody else', async t => {
  const config = readConfig({ LOG_LEVEL: 'silent', REFERENTIAL_INTEGRITY: 'on' })
  const log = openLog(config.logLevel)
  const strict = await buildApp({ config, log, databaseUrl: world.url, secretKey: Buffer.alloc(32, 7) })
  t.teardown(() => strict.close())
  const sent = async (of: string, id: string) => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' }
    const payload = heartRate(of, hours(3), id)
    return (await strict.inject({ method: 'POST', url: '/fhir/Observation', headers, payload })).statusCode
  }
  t.same([await sent(patient, '06'), await sent(world.ann, '07'), await sent('nobody', '08')], [201, 422, 422])
})

t.test('an earlier answer is neither shown nor changed, even one to the study that invited', async t => {
  const two = await enrolled('Yan')
  const theirs = await patientToken(two.patient, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
  const scopeConsents = [
    { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate:2.0', consented: false },
  ]
  const body = { studyScopeConsents: [{ studyId: study.group, scopeConsents }] }
  const path = `patients/${two.patient}/consents`
  const given = {
    studyScopeConsents: [{ studyId: study.group, scopeConsents: [{ ...scopeConsents[0], consented: true }] }],
  }
  t.equal((await api(theirs, 'POST', path, given)).status, 201)
  const app = await tokenOf(appToken(await invite(two), world.app.id))
  t.match((await api(app, 'GET', path)).body, { studies: [], consolidatedConsentedScopes: [] })
  const answered = { status: 409, body: { detail: /^This was answered before the app took up the invitation/ } }
  t.match(await api(app, 'POST', path, given), answered, 'it cannot be given again')
  t.match(await api(app, 'POST', path, body), answered, 'nor does a refusal answer that nothing is shared')
  t.match((await api(theirs, 'GET', path)).body, { studies: [{ scopeConsents: [{ consented: true }] }] })
})

t.test('what the patient signs while signed in, it sees and cannot change', async t => {
  const three = await enrolled('Xia')
  const app = await tokenOf(appToken(await invite(three), world.app.id))
  const { id } = await create('everything', {
    resourceType: 'Person',
    active: true,
    link: [{ target: { reference: `Patient/${three.patient}` } }],
  })
  const scope = 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs'
  const signedIn = await world.token({ subject: { kind: 'user', person: id }, scope })
  const path = `patients/${three.patient}/consents`
  const saying = (consented: boolean) => {
    const scopeConsents = [
      { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate:2.0', consented },
    ]
    return { studyScopeConsents: [{ studyId: study.group, scopeConsents }] }
  }
  t.equal((await api(signedIn, 'POST', path, saying(true))).status, 201)
  t.match((await api(app, 'GET', path)).body, { studies: [{ scopeConsents: [{ consented: true }] }] })
  t.equal((await api(app, 'PATCH', path, saying(false))).status, 403)
  t.match((await api(signedIn, 'GET', path)).body, { studies: [{ scopeConsents: [{ consented: true }] }] })
  const { entry } = (await send(app, 'GET', 'Consent')).json()
  const [{ resource }] = entry
  t.equal((await send(app, 'PUT', `Consent/${resource.id}`, { ...resource, status: 'inactive' })).statusCode, 403)
  t.equal((await send(signedIn, 'GET', `Consent/${resource.id}`)).json().status, 'active')
  t.equal((await api(signedIn, 'PATCH', path, saying(false))).status, 200)
  t.equal((await api(app, 'POST', path, saying(true))).status, 403, 'nor does it answer again for somebody who refused')
  t.match((await send(signedIn, 'GET', 'Consent?status=active&_summary=count')).json(), { total: 0 })
})

t.test('of two apps that came so, one goes on with what the other has answered', async t => {
  const four = await enrolled('Wim')
  const first = await tokenOf(appToken(await invite(four), world.app.id))
  const second = await tokenOf(appToken(await invite(four), world.app.id))
  const saying = (consented: boolean) => {
    const scopeConsents = [
      { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate:2.0', consented },
    ]
    return { studyScopeConsents: [{ studyId: study.group, scopeConsents }] }
  }
  const path = `patients/${four.patient}/consents`
  t.equal((await api(first, 'POST', path, saying(false))).status, 201)
  t.match(await api(second, 'POST', path, saying(true)), { status: 201 })
  t.match((await api(first, 'GET', path)).body, { studies: [{ scopeConsents: [{ consented: true }] }] })
})
