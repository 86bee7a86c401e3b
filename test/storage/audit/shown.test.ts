import type { AuditEvent, Bundle, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { openAccount } from '../../../src/storage/account/user-account.ts'
import { withinDoor } from '../../../src/storage/audit/door.ts'
import { insertRecords } from '../../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { readDisclosures } from '../../../src/storage/audit/shown/disclosures.ts'
import { recordSignIn } from '../../../src/storage/audit/sign-in.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())
const all = { authorization: 'Bearer everything' }
const key = auditKeyOf(Buffer.alloc(32, 7))

const put = async (resource: { readonly resourceType: string; readonly id: string }) => {
  const { resourceType: type, id } = resource
  const answer = await server.inject({ method: 'PUT', url: `/fhir/${type}/${id}`, headers: all, payload: resource })
  if (answer.statusCode >= 300) throw new Error(answer.body)
}
const role = 'https://sharewell.dev/fhir/CodeSystem/organization-role'
for (const clinic of ['clinic', 'other']) {
  await put({ resourceType: 'Organization', id: clinic, name: clinic } as never)
  for (const code of ['viewer', 'privacy-officer']) {
    const id = `${code}-${clinic}`
    await put({ resourceType: 'Practitioner', id, name: [{ text: `The ${id}` }] } as never)
    await put({
      resourceType: 'Person',
      id,
      active: true,
      link: [{ target: { reference: `Practitioner/${id}` } }],
    } as never)
    await put({
      resourceType: 'PractitionerRole',
      id,
      practitioner: { reference: `Practitioner/${id}` },
      organization: { reference: `Organization/${clinic}` },
      code: [{ coding: [{ system: role, code }] }],
    } as never)
    await openAccount(database, `${id}@example.org`, id)
  }
}
for (const id of ['ann', 'bob', 'cid']) {
  await put({
    resourceType: 'Patient',
    id,
    name: [{ text: id }],
    managingOrganization: { reference: 'Organization/clinic' },
  } as never)
  const observation: Observation = {
    resourceType: 'Observation',
    id: `${id}-1`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${id}` },
  }
  await put(observation as never)
}
const bearer = async (...request: Parameters<typeof token>) => ({ authorization: `Bearer ${await token(...request)}` })
const staff = (id: string, scope: string) => bearer({ subject: { kind: 'user', person: id }, scope })
const viewer = await staff('viewer-clinic', 'user/*.rs')
const officer = await staff('privacy-officer-clinic', 'user/AuditEvent.rs')
const otherOfficer = await staff('privacy-officer-other', 'user/AuditEvent.rs')
const ann = await bearer({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/*.rs' })

type Headers = Readonly<Record<string, string>>
const get = (headers: Headers, path: string) => server.inject({ url: `/fhir/${path}`, headers })
const eventsOf = async (headers: Headers, query = ''): Promise<readonly AuditEvent[]> => {
  const bundle: Bundle<AuditEvent> = (await get(headers, `AuditEvent?_count=100&${query}`)).json()
  return (bundle.entry ?? []).flatMap(({ resource }) => (resource === undefined ? [] : [resource]))
}
/** What is shown of the accesses since, without ids and times. */
const shownAfter = async (run: () => Promise<unknown>, headers: Headers, query = '') => {
  await sealAudit(database, key)
  const { now } = await database.one<{ now: Date }>(sql.fragment`SELECT clock_timestamp() AS now`)
  await run()
  await sealAudit(database, key)
  return eventsOf(headers, `_lastUpdated=ge${now.toISOString()}&${query}`)
}
const patientsIn = ({ entity = [] }: AuditEvent) =>
  entity.flatMap(({ what }) => (what?.reference?.startsWith('Patient/') ? [what.reference] : []))

t.test('a patient is shown who read their data, and nobody else is named in it', async t => {
  const [event, ...others] = await shownAfter(() => get(viewer, 'Patient?name=a,b'), ann)
  t.strictSame(others, [])
  t.notMatch(JSON.stringify(event), /bob/)
  t.has(event, {
    meta: { profile: ['https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery'] },
    action: 'E',
    outcome: '0',
    subtype: [{ code: 'search-type' }],
    agent: [
      { who: { reference: 'Practitioner/viewer-clinic' }, name: 'The viewer-clinic', requestor: true },
      { who: { identifier: { value: 'cli' } } },
      { who: { display: 'Sharewell' } },
    ],
  })
  t.strictSame(event && patientsIn(event), ['Patient/ann'])
  const query = event?.entity?.find(one => one.query !== undefined)?.query ?? ''
  t.equal(Buffer.from(query, 'base64').toString(), 'Patient?name=…')
  const read = await get(ann, `AuditEvent/${event?.id}`)
  t.strictSame(read.json(), event)
  t.equal((await get(ann, `AuditEvent/${event?.id}/_history/1`)).statusCode, 200)
  const { meta: _, ...said } = event ?? {}
  const checked = await server.inject({
    method: 'POST',
    url: '/fhir/AuditEvent/$validate',
    headers: all,
    payload: said,
  })
  t.strictSame(
    checked.json().issue.filter(({ severity }: { severity: string }) => severity === 'error'),
    [],
    'it is a valid AuditEvent',
  )
})

t.test('an officer is shown all records of their own organization, and none of another', async t => {
  const read = () => get(viewer, 'Patient?name=a,b')
  const [event, ...others] = await shownAfter(read, officer)
  t.strictSame(others, [])
  t.strictSame(event && patientsIn(event), ['Patient/ann', 'Patient/bob'])
  t.strictSame(await shownAfter(read, otherOfficer), [])
  t.equal((await get(otherOfficer, `AuditEvent/${event?.id}`)).statusCode, 404)
  t.equal(
    (await get(ann, `AuditEvent/${event?.id}`)).statusCode,
    404,
    'a patient does not get the event that names others',
  )
  t.equal((await get(viewer, `AuditEvent/${event?.id}`)).statusCode, 404, 'nor do staff')
})

t.test('what concerned several patients is found by each of them, and by nobody else', async t => {
  const launched = (launchPatient: string) =>
    bearer({
      subject: { kind: 'user', person: 'privacy-officer-clinic', launchPatient },
      scope: 'patient/AuditEvent.rs',
    })
  const read = () => get(viewer, 'Patient?name=a,b')
  for (const [patient, found] of Object.entries({ ann: 1, bob: 1, cid: 0 })) {
    const events = await shownAfter(read, await launched(patient))
    t.strictSame(
      events.map(patientsIn).filter(named => named.length === 2),
      Array.from({ length: found }, () => ['Patient/ann', 'Patient/bob']),
      patient,
    )
  }
})

t.test('refused requests are shown, too, and what somebody does as a patient only to that patient', async t => {
  const refused = () => get(viewer, 'Observation/ann-1')
  t.match(await shownAfter(refused, officer), [
    { outcome: '4', entity: [{ what: { reference: 'Observation/ann-1' } }, {}] },
  ])
  const own = () => get(ann, 'Observation/ann-1')
  t.strictSame(await shownAfter(own, officer), [])
  t.match(await shownAfter(own, ann), [{ agent: [{ who: { reference: 'Patient/ann' } }, {}, {}], action: 'R' }])
})

t.test('a patient for whom somebody asked is not told of the other patient', async t => {
  const bob = await bearer({ subject: { kind: 'patient', patient: 'bob' }, scope: 'patient/*.rs' })
  const events = await shownAfter(() => get(bob, 'Condition?patient=ann'), ann)
  t.match(events, [{ agent: [{ name: 'Somebody else, who is no staff' }, {}, {}] }])
  t.notMatch(JSON.stringify(events), /bob/)
})

t.test('nobody can write it, whatever they may do otherwise', async t => {
  const [event] = await eventsOf(ann)
  const url = `/fhir/AuditEvent/${event?.id}`
  for (const method of ['PUT', 'PATCH', 'DELETE'] as const) {
    const type = method === 'PATCH' ? 'application/json-patch+json' : 'application/fhir+json'
    const payload = method === 'PUT' ? event : method === 'PATCH' ? [{ op: 'remove', path: '/action' }] : undefined
    const answer = await server.inject({
      method,
      url,
      headers: { ...all, ...(payload && { 'content-type': type }) },
      ...(payload && { payload }),
    })
    t.equal(answer.statusCode, 403, method)
  }
})

t.test('recorded events and AuditEvents that were written are in one list, by time, and searched alike', async t => {
  const events = await shownAfter(
    async () => {
      await get(viewer, 'Patient/ann')
      await server.inject({
        method: 'POST',
        url: '/fhir/AuditEvent',
        headers: all,
        payload: {
          resourceType: 'AuditEvent',
          type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110113' },
          action: 'U',
          recorded: new Date().toISOString(),
          agent: [{ requestor: true }],
          source: { observer: { display: 'Test' } },
          entity: [{ what: { reference: 'Patient/ann' } }],
        },
      })
      await get(viewer, 'Patient/ann')
    },
    ann,
    'patient=Patient/ann',
  )
  t.strictSame(
    events.map(({ action, type }) => `${action} ${type.code}`).filter(text => !text.startsWith('C')),
    ['R rest', 'U 110113', 'R rest'],
  )
  const pages: string[] = []
  for (let url = 'AuditEvent?_count=3'; url !== ''; ) {
    const bundle: Bundle<AuditEvent> = (await get(ann, url)).json()
    pages.push(...(bundle.entry ?? []).map(({ resource }) => resource?.id ?? ''))
    url = bundle.link?.find(({ relation }) => relation === 'next')?.url.replace(/^.*\/fhir\//, '') ?? ''
  }
  t.strictSame(
    pages,
    (await eventsOf(ann)).map(({ id }) => id),
    'page by page as well',
  )
  t.equal(new Set(pages).size, pages.length)
  for (const query of ['action=U', 'type=rest', 'agent=Practitioner/viewer-clinic', 'outcome=4', 'entity=Patient/bob'])
    t.ok((await get(ann, `AuditEvent?${query}&_total=accurate`)).json().total < pages.length, query)
  t.equal((await get(ann, 'AuditEvent?entity=Patient/bob&_total=accurate')).json().total, 0)
  t.strictSame(
    (await eventsOf(ann, `_id=${pages[0]}`)).map(({ id }) => id),
    [pages[0]],
  )
})

t.test('a sign-in by staff does not tell their officers which patients they are', async t => {
  const practitioner = { target: { reference: 'Practitioner/viewer-other' } }
  const patient = { target: { reference: 'Patient/ann' } }
  const person = 'viewer-other'
  await put({ resourceType: 'Person', id: person, active: true, link: [practitioner, patient] } as never)
  const signIn = () => withinDoor({ request: 'of-both' }, () => recordSignIn(database, { person, outcome: 401 }))
  t.strictSame(await shownAfter(signIn, officer), [], 'the organization that registered them as a patient')
  const [event, ...others] = await shownAfter(signIn, otherOfficer)
  const ofRequest = { what: { identifier: { value: 'of-both' } } }
  t.match(event, {
    agent: [{ who: { reference: 'Practitioner/viewer-other' } }, {}, {}],
    outcome: '4',
    entity: [ofRequest],
  })
  t.equal((event as AuditEvent).entity?.length, 1)
  t.strictSame([patientsIn(event as AuditEvent), others], [[], []], 'where they work')
  t.match(await shownAfter(signIn, ann), [
    { outcome: '4', entity: [{ what: { reference: 'Patient/ann' } }, ofRequest] },
  ])
})

t.test(
  'somebody who has no role any more is overseen where they had their last one, unless they act as a patient',
  async t => {
    const practitioner = { reference: 'Practitioner/max' }
    await put({ resourceType: 'Practitioner', id: 'max', name: [{ text: 'Max' }] } as never)
    await put({ resourceType: 'Person', id: 'max', active: true, link: [{ target: practitioner }] } as never)
    await openAccount(database, 'max@example.org', 'max')
    const max = await staff('max', 'user/*.rs')
    const hold = (organization: string, held: object = {}) =>
      put({
        resourceType: 'PractitionerRole',
        id: `max-${organization}`,
        practitioner,
        organization: { reference: `Organization/${organization}` },
        code: [{ coding: [{ system: role, code: 'viewer' }] }],
        ...held,
      } as never)
    const end = (organization: string) =>
      server.inject({ method: 'DELETE', url: `/fhir/PractitionerRole/max-${organization}`, headers: all })
    /** How many events each officer is shown for what Max does then. */
    const told = async (run: () => Promise<unknown> = () => get(max, 'Patient?name=nobody')) => {
      const before = await Promise.all([officer, otherOfficer].map(one => eventsOf(one, 'agent=Practitioner/max')))
      await run()
      await sealAudit(database, key)
      const after = await Promise.all([officer, otherOfficer].map(one => eventsOf(one, 'agent=Practitioner/max')))
      return after.map((events, index) => events.length - (before[index]?.length ?? 0))
    }
    t.strictSame(await told(), [0, 0], 'nobody has registered them')
    await hold('clinic')
    t.strictSame(await told(), [1, 0])
    await hold('clinic', { active: false })
    t.strictSame(await told(), [1, 0], 'their role is not active')
    await hold('other', { period: { end: '2020-01-01' } })
    t.strictSame(await told(), [1, 0], 'another role was over before')
    await hold('other')
    t.strictSame(await told(), [0, 1])
    await end('other')
    t.strictSame(await told(), [0, 1], 'it was deleted')
    const asOfficer = { code: [{ coding: [{ system: role, code: 'privacy-officer' }] }] }
    await hold('clinic', asOfficer)
    t.strictSame(await told(), [1, 0], 'they are a privacy officer now')
    await hold('clinic', { ...asOfficer, period: { end: '2020-01-01' } })
    t.strictSame(await told(), [0, 1], 'and no more')
    await end('clinic')
    t.strictSame(await told(), [0, 1])
    t.strictSame(
      await told(() => withinDoor({}, () => recordSignIn(database, { person: 'max', outcome: 200 }))),
      [0, 0],
      'a sign-in',
    )
    await database.run(sql.fragment`UPDATE user_account SET administrator = TRUE WHERE person = 'max'`)
    t.strictSame(await told(), [0, 0], 'as an administrator')
  },
)

t.test(
  'a disclosure, even of several patients, stays with the organization for which somebody worked at the time',
  async t => {
    await put({ resourceType: 'Practitioner', id: 'eva', name: [{ text: 'Eva' }] } as never)
    const work = (organization: string, active = true) =>
      put({
        resourceType: 'PractitionerRole',
        id: `eva-${organization}`,
        active,
        practitioner: { reference: 'Practitioner/eva' },
        organization: { reference: `Organization/${organization}` },
        code: [{ coding: [{ system: role, code: 'viewer' }] }],
      } as never)
    const numbers = await database.any<{ number: number }>(sql.fragment`
    SELECT patient_id AS number FROM patient_compartment WHERE id IN ('ann', 'bob') ORDER BY id`)
    await work('other')
    const read = { practitioner: 'eva', client: 'cli', interaction: 'search-type', type: 'Patient', outcome: 200 }
    await insertRecords(database, [{ ...read, patients: numbers.map(({ number }) => number) }])
    await sealAudit(database, key)
    await work('other', false)
    await work('clinic')
    const [last] = await readDisclosures(database, { patient: 'ann' })
    t.has(last, { practitioner: 'eva', organization: 'other' })
  },
)

t.test('what somebody from elsewhere got of one patient stands with the organization that registered them', async t => {
  const { number } = await database.one<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = 'ann'`,
  )
  const read = { client: 'cli', interaction: 'read', type: 'Patient', patients: [number], outcome: 200 }
  await insertRecords(database, [{ ...read, practitioner: 'viewer-other' }])
  await sealAudit(database, key)
  const [last] = await readDisclosures(database, { patient: 'ann' })
  t.has(last, { practitioner: 'viewer-other', organization: 'clinic' })
})

t.test(
  'a patient is told what others did, even as patients, and for which study, but not what they did themselves',
  async t => {
    const { number, since } = await database.one<{ number: number; since: Date }>(sql.fragment`
      SELECT patient_id AS number, clock_timestamp() AS since FROM patient_compartment WHERE id = 'ann'`)
    const read = { client: 'cli', interaction: 'read', type: 'Patient', patients: [number], outcome: 200 }
    await insertRecords(database, [
      { ...read, patient: 'ann' },
      { ...read, patient: 'bob', person: 'of-bob', outcome: 403 },
      { ...read, person: 'of-ann', interaction: 'sign-in' },
      { ...read, practitioner: 'viewer-clinic', study: 'narrow' },
    ])
    await sealAudit(database, key)
    const told = await readDisclosures(database, { patient: 'ann', since })
    t.strictSame(
      told.map(({ who, interaction, outcome, studies }) => [who, interaction, outcome, studies]),
      [
        ['The viewer-clinic', 'read', 200, ['narrow']],
        ['of-bob', 'read', 403, []],
      ],
    )
  },
)

t.test('whose officers are told is decided by the study of the token, else by who acts', async t => {
  await put({
    resourceType: 'ResearchStudy',
    id: 'of-other',
    status: 'active',
    sponsor: { reference: 'Organization/other' },
  } as never)
  await registerClient(database, { id: 'service', name: 'Service', organization: 'other', policies: [] })
  const { number } = await database.one<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = 'ann'`,
  )
  const read = { interaction: 'search-type', type: 'Observation', outcome: 200 }
  const told = async (...records: Parameters<typeof insertRecords>[1]) => {
    const run = () => insertRecords(database, records)
    return [(await shownAfter(run, officer)).length, (await shownAfter(run, otherOfficer)).length]
  }
  const ofStaff = { ...read, practitioner: 'viewer-clinic', client: 'cli' }
  t.strictSame(await told({ ...ofStaff, patients: [] }), [1, 0])
  t.strictSame(await told({ ...ofStaff, study: 'of-other', patients: [] }), [0, 1])
  t.strictSame(await told({ ...read, client: 'service', patients: [number] }), [0, 1], 'ann is of the clinic')
  await put({ resourceType: 'Practitioner', id: 'ned' } as never)
  for (const [organization, code] of Object.entries({ clinic: 'viewer', other: 'manager' }))
    await put({
      resourceType: 'PractitionerRole',
      id: `ned-${organization}`,
      practitioner: { reference: 'Practitioner/ned' },
      organization: { reference: `Organization/${organization}` },
      code: [{ coding: [{ system: role, code }] }],
    } as never)
  t.strictSame(await told({ ...ofStaff, practitioner: 'ned', patients: [] }), [0, 1], 'where their highest role is')
})

t.test('people, apps and studies keep the names that they had at the time, whatever happens to them later', async t => {
  const call = (text: string) => put({ resourceType: 'Practitioner', id: 'ira', name: [{ text }] } as never)
  const study = (title: string) =>
    put({ resourceType: 'ResearchStudy', id: 'hearts', status: 'active', title } as never)
  const client = (name: string) => registerClient(database, { id: 'ward-app', name, policies: [] })
  await call('Ira Snoop')
  await study('Hearts')
  await client('Ward app')
  const { number, since } = await database.one<{ number: number; since: Date }>(sql.fragment`
      SELECT patient_id AS number, clock_timestamp() AS since FROM patient_compartment WHERE id = 'ann'`)
  const ofRequest = { practitioner: 'ira', client: 'ward-app', study: 'hearts', interaction: 'read', type: 'Patient' }
  const read = async () => {
    await insertRecords(database, [{ ...ofRequest, patients: [number], outcome: 200 }])
    await sealAudit(database, key)
  }
  const ofIra = `agent=Practitioner/ira&_lastUpdated=ge${since.toISOString()}`
  const names = async () =>
    (await eventsOf(ann, ofIra)).map(({ agent, entity = [] }) => [
      agent[0]?.name,
      agent[1]?.name,
      entity.find(({ what }) => what?.reference === 'ResearchStudy/hearts')?.name,
    ])
  const disclosed = async () => {
    const all = await readDisclosures(database, { patient: 'ann', since })
    return all.filter(one => one.practitioner === 'ira').map(one => [one.who, one.client])
  }
  await read()
  const then = ['Ira Snoop', 'Ward app', 'Hearts']
  t.strictSame(await names(), [then])

  await call('Wanda Else')
  await study('Feet')
  await client('Weather')
  t.strictSame([await names(), await disclosed()], [[then], [['Ira Snoop', 'Ward app']]], 'renamed')
  t.equal((await eventsOf(officer, `${ofIra}&agent-name=Wanda`)).length, 0)
  t.equal((await eventsOf(officer, `${ofIra}&agent-name=Ira`)).length, 1)
  await read()
  const later = ['Wanda Else', 'Weather', 'Feet']
  t.strictSame(await names(), [later, then])

  for (const path of ['Practitioner/ira', 'ResearchStudy/hearts'])
    await server.inject({ method: 'DELETE', url: `/fhir/${path}`, headers: all })
  await database.run(sql.fragment`DELETE FROM client WHERE id = 'ward-app'`)
  t.equal((await get(all, 'Practitioner/ira')).statusCode, 410)
  t.strictSame(
    [await names(), await disclosed()],
    [
      [later, then],
      [
        ['Wanda Else', 'Weather'],
        ['Ira Snoop', 'Ward app'],
      ],
    ],
    'deleted',
  )
})

t.test(
  'of somebody’s records officers are told those that stand with them, or take part in a study of theirs',
  async t => {
    for (const [id, organization] of Object.entries({ zoe: 'clinic', 'zoe-in-study': 'other', 'zoe-else': 'other' }))
      await put({
        resourceType: 'Patient',
        id,
        managingOrganization: { reference: `Organization/${organization}` },
      } as never)
    const records = ['zoe', 'zoe-in-study', 'zoe-else'].map(id => ({ target: { reference: `Patient/${id}` } }))
    await put({ resourceType: 'Person', id: 'zoe', link: records } as never)
    await put({
      resourceType: 'ResearchStudy',
      id: 'of-clinic',
      status: 'active',
      sponsor: { reference: 'Organization/clinic' },
    } as never)
    await put({
      resourceType: 'ResearchSubject',
      id: 'of-zoe',
      status: 'candidate',
      study: { reference: 'ResearchStudy/of-clinic' },
      individual: { reference: 'Patient/zoe-in-study' },
    } as never)
    const { number } = await database.one<{ number: number }>(
      sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = 'zoe'`,
    )
    const read = { interaction: 'read', type: 'Patient', outcome: 200, practitioner: 'viewer-clinic', client: 'cli' }
    const all = { ...read, resource: 'zoe-else', patients: [number] }
    const told = await shownAfter(() => insertRecords(database, [all]), officer)
    t.strictSame(told.map(patientsIn), [['Patient/zoe', 'Patient/zoe-in-study']])
    t.notMatch(JSON.stringify(told), 'zoe-else', 'not as what was read, either')
  },
)

t.test('of what is sealed at once, each record is told to its own officers', async t => {
  await put({ resourceType: 'Patient', id: 'otto', managingOrganization: { reference: 'Organization/other' } } as never)
  const numbers = await database.any<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id IN ('ann', 'otto') ORDER BY id`,
  )
  const [ofAnn, ofOtto] = numbers.map(({ number }) => [number])
  const byStaff = { interaction: 'read', type: 'Patient', outcome: 200, practitioner: 'viewer-clinic', client: 'cli' }
  const byService = { interaction: 'read', type: 'Patient', outcome: 200, client: 'service', patients: ofAnn ?? [] }
  const told = async (...records: Parameters<typeof insertRecords>[1]) => {
    const run = () => insertRecords(database, records)
    return [(await shownAfter(run, officer)).length, (await shownAfter(run, otherOfficer)).length]
  }
  const staff = { ...byStaff, patients: ofAnn ?? [] }
  t.strictSame(await told(staff, { ...byStaff, patients: ofOtto ?? [] }), [1, 1], 'of two patients')
  t.strictSame(await told(staff, { ...staff, study: 'of-other' }), [1, 1], 'with and without a study')
  t.strictSame(await told(byService, { ...byService, patient: 'ann' }), [0, 1], 'of a service and of a patient by it')
})

t.test('somebody with an account who is a patient, and no staff, is named to no other patient', async t => {
  const { number } = await database.one<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = 'bob'`,
  )
  const refused = {
    person: 'zoe',
    client: 'cli',
    interaction: 'read',
    type: 'Patient',
    patients: [number],
    outcome: 403,
  }
  const bob = await bearer({ subject: { kind: 'patient', patient: 'bob' }, scope: 'patient/*.rs' })
  const told = await shownAfter(() => insertRecords(database, [refused]), bob)
  t.strictSame(
    told.map(({ agent }) => agent[0]?.who),
    [{ display: 'Somebody else, who is no staff' }],
  )
})
