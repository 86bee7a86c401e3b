import type { AuditEvent, Bundle, Person } from '@medplum/fhirtypes'
import t from 'tap'
import { fullAccess } from '../../../../src/access/access.ts'
import { systems } from '../../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../../src/fhir/registry.ts'
import { parseSearch } from '../../../../src/search/parse.ts'
import { withinDoor } from '../../../../src/storage/audit/door.ts'
import { insertRecords } from '../../../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../../src/storage/audit/seal/seal.ts'
import { recordSignIn } from '../../../../src/storage/audit/sign-in.ts'
import { keysInOrder } from '../../../../src/storage/search/page-statement.ts'
import { sourceOf } from '../../../../src/storage/search/search-source.ts'
import { sql } from '../../../../src/storage/sql.ts'
import { openStudies } from '../../../support/study.ts'

const { server, database, institution, study, participant, staffToken, create, send, update, patientToken, pages } =
  await openStudies()
t.teardown(() => server.close())

const { organization, manager } = await institution('lab')
const kinds = ['omh:heart-rate']
const { id, researcher } = await study(manager, organization, 'hearts', kinds)
const reader = await staffToken(researcher, 'user/*.rs')
const patients = [
  await participant(manager, organization, id, kinds, 'Castillo'),
  await participant(manager, organization, id, kinds, 'Brandt'),
]
const [ann = '', bob = ''] = patients
for (const patient of patients) {
  const app = await patientToken(patient, 'patient/*.cruds')
  const made = await create(app, {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${patient}` },
    valueQuantity: { value: 60 },
  })
  await update(app, { ...made, valueQuantity: { value: 61 } })
  await send(reader, 'GET', `Observation?patient=${patient}`)
  await server.inject({
    method: 'DELETE',
    url: `/fhir/Observation/${made.id}`,
    headers: { authorization: `Bearer ${app}` },
  })
  for (const path of [`Patient/${patient}`, `Patient/${patient}/_history`, 'Observation', 'Patient/nobody'])
    await send(reader, 'GET', path)
}
/** From now on people and apps have other names. */
const [{ name: clientBefore = '' } = {}] = await database.any<{ name: string }>(
  sql.fragment`SELECT name FROM client WHERE id = 'cli'`,
)
await database.run(sql.fragment`UPDATE client SET name = 'Workbench' WHERE id = 'cli'`)
const { practitioner } = researcher
await update('everything', {
  resourceType: 'Practitioner',
  id: practitioner,
  name: [{ given: ['Márta'], family: 'Olsen' }],
})
const hearts = (await send(manager, 'GET', `ResearchStudy/${id}`)).json()
await update(manager, { ...hearts, title: 'Heartbeats' })
await send(reader, 'GET', `Observation?patient=${ann}`)
await send(reader, 'GET', `Patient/${ann}`)
await withinDoor({}, () => recordSignIn(database, { person: researcher.person, outcome: 200 }))
/** An AuditEvent that somebody has written, with another time than when it was written. */
await send('everything', 'POST', 'AuditEvent', {
  resourceType: 'AuditEvent',
  type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
  subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: 'read' }],
  action: 'R',
  recorded: '2020-02-29T12:00:00Z',
  agent: [{ requestor: true, who: { reference: `Practitioner/${researcher.practitioner}` } }],
  source: { observer: { display: 'elsewhere' } },
  entity: [{ what: { reference: `Patient/${ann}` } }],
})
/** Less is told of people who are neither staff nor the patient: with a name that is told, without a name, and with a name that is not told. */
const [{ number = 0 } = {}] = await database.any<{ number: number }>(
  sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = ${ann}`,
)
const [{ id: clerk }, { id: account }] = [
  await create<Person>('everything', { resourceType: 'Person', name: [{ family: 'Clerk' }] }),
  await create<Person>('everything', {
    resourceType: 'Person',
    name: [{ family: 'Brandt' }],
    link: [{ target: { reference: `Patient/${bob}` } }],
  }),
]
const looked = { client: 'cli', interaction: 'read', type: 'Patient', resource: ann, patients: [number], outcome: 200 }
await insertRecords(database, [
  { ...looked, person: clerk },
  { ...looked, person: account, patient: bob },
  { ...looked, person: account },
  { ...looked, person: account, interaction: 'sign-in' },
  { ...looked, person: clerk, outcome: 500 },
])
await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))

const eventsOf = async (query: string): Promise<readonly AuditEvent[]> => {
  const bundle: Bundle<AuditEvent> = (await send('everything', 'GET', `AuditEvent?${query}`)).json()
  return (bundle.entry ?? []).flatMap(({ resource }) => resource ?? [])
}
// The record of these questions is not sealed, so none of them shows it.
const all = await eventsOf('_count=1000')
const inTheMiddle = all[Math.floor(all.length / 2)]
const middle = inTheMiddle?.recorded ?? ''
const updated = inTheMiddle?.meta?.lastUpdated ?? ''

const references = ({ agent, entity = [] }: AuditEvent) =>
  [...agent.map(({ who }) => who?.reference), ...entity.map(({ what }) => what?.reference)].filter(
    one => one !== undefined,
  )
const agents = ({ agent }: AuditEvent) => agent.map(({ who }) => who?.reference)
const identifiers = ({ agent }: AuditEvent) => agent.flatMap(({ who }) => who?.identifier ?? [])
const entities = ({ entity = [] }: AuditEvent) => entity.map(({ what }) => what?.reference)
const codes = ({ subtype = [] }: AuditEvent) => subtype.map(({ code }) => code)
const outcomes = ({ outcome }: AuditEvent) => outcome
const isCalled =
  (beginning: string) =>
  ({ agent }: AuditEvent) =>
    agent.some(({ name = '' }) => name.toLowerCase().startsWith(beginning))
const types = ({ type: { system, code } }: AuditEvent) => `${system}|${code}`
const profiles = ({ meta }: AuditEvent) => meta?.profile ?? []
const entityCodes = ({ entity = [] }: AuditEvent) => entity.flatMap(({ type, role }) => [type?.code, role?.code])
const titles = ({ entity = [] }: AuditEvent) => entity.flatMap(({ name }) => name ?? [])
const timeOf = ({ recorded }: AuditEvent) => Date.parse(recorded)
const updateOf = ({ meta }: AuditEvent) => Date.parse(meta?.lastUpdated ?? '')
const [consent = '', measured = ''] = [/^Consent\/.+_history/, /^Observation\//].map(
  type =>
    all
      .flatMap(entities)
      .find(reference => reference !== undefined && type.test(reference))
      ?.split('/_history/')[0],
)
const [consentId = '', measuredId = ''] = [consent, measured].map(one => one.split('/')[1])
const named = (id: string) => (event: AuditEvent) => entities(event).some(one => one?.split('/')[1] === id)
const whats = ({ entity = [] }: AuditEvent) => entity.flatMap(({ what }) => what ?? [])
const arePatients = (event: AuditEvent) => references(event).some(one => one.startsWith('Patient/'))
const written = Date.parse('2020-02-29T12:00:00Z')

const cases: Readonly<Record<string, (event: AuditEvent) => boolean>> = {
  [`patient=${ann}`]: event => references(event).includes(`Patient/${ann}`),
  [`patient=Patient/${bob}`]: event => references(event).includes(`Patient/${bob}`),
  [`entity=Patient/${ann}`]: event => entities(event).includes(`Patient/${ann}`),
  [`entity=ResearchStudy/${id}`]: event => entities(event).includes(`ResearchStudy/${id}`),
  [`agent=Practitioner/${researcher.practitioner}`]: event =>
    agents(event).includes(`Practitioner/${researcher.practitioner}`),
  [`agent=Patient/${ann}`]: event => agents(event).includes(`Patient/${ann}`),
  [`agent=${researcher.practitioner}`]: event => agents(event).includes(`Practitioner/${researcher.practitioner}`),
  [`agent=${ann}`]: event => agents(event).includes(`Patient/${ann}`),
  // Not if the reader is told only of somebody who is no staff.
  [`agent=Patient/${bob}`]: event => agents(event).includes(`Patient/${bob}`),
  [`agent=${bob}`]: event => agents(event).includes(`Patient/${bob}`),
  'agent=Practitioner/nobody': () => false,
  'agent=Device/nobody': () => false,
  'agent:identifier=cli': event => identifiers(event).some(({ value }) => value === 'cli'),
  'agent:identifier=nobody': () => false,
  ...Object.fromEntries(
    [clerk, account].map(person => [
      `agent:identifier=${systems.account}|${person}`,
      (event: AuditEvent) => identifiers(event).some(({ system, value }) => system !== undefined && value === person),
    ]),
  ),
  [`agent:identifier=${systems.account}|${ann}-nobody`]: () => false,
  [`agent:identifier=|${clerk}-nobody`]: () => false,
  'agent:missing=false': () => true,
  [`entity=${consent}`]: event => entities(event).some(one => one?.split('/_history/')[0] === consent),
  [`entity=${measured}`]: event => entities(event).includes(measured),
  'entity=Observation/nobody': () => false,
  [`entity=${ann}`]: named(ann),
  [`entity=${id}`]: named(id),
  [`entity=${consentId}`]: named(consentId),
  [`entity=${measuredId}`]: named(measuredId),
  'entity=nobody': () => false,
  'entity:missing=true': event => whats(event).length === 0,
  'entity:missing=false': event => whats(event).length > 0,
  'patient:missing=true': event => !arePatients(event),
  'patient:missing=false': arePatients,
  'type=rest': event => types(event).endsWith('|rest'),
  'type=http://dicom.nema.org/resources/ontology/DCM|110114': event => types(event).endsWith('|110114'),
  'type=http://dicom.nema.org/resources/ontology/DCM|nobody': () => false,
  'type:not=rest': event => !types(event).endsWith('|rest'),
  'type:text=restful': event => event.type.display?.startsWith('RESTful') === true,
  'subtype:text=login': event => codes(event).includes('110122'),
  'subtype:not=search-type': event => !codes(event).includes('search-type'),
  'subtype:missing=false': event => codes(event).length > 0,
  'action=http://hl7.org/fhir/audit-event-action|R': ({ action }) => action === 'R',
  'action:missing=false': ({ action }) => action !== undefined,
  'outcome=http://hl7.org/fhir/audit-event-outcome|4': event => outcomes(event) === '4',
  'outcome:missing=true': event => outcomes(event) === undefined,
  '_profile=https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery': event =>
    profiles(event).some(one => one.endsWith('.PatientQuery')),
  '_profile=https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Read': event =>
    profiles(event).some(one => one.endsWith('.Read')),
  '_profile=https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientDelete': event =>
    profiles(event).some(one => one.endsWith('.PatientDelete')),
  '_profile:missing=true': event => profiles(event).length === 0,
  '_filter=_profile ne https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Read': event =>
    profiles(event).some(one => !one.endsWith('.Read')),
  'entity-type=1': event => entityCodes(event).includes('1'),
  'entity-type=http://hl7.org/fhir/resource-types|Consent': event => entityCodes(event).includes('Consent'),
  'entity-type=http://hl7.org/fhir/resource-types|ResearchStudy': event => entityCodes(event).includes('ResearchStudy'),
  'entity-type=http://hl7.org/fhir/resource-types|Observation': event => entityCodes(event).includes('Observation'),
  'entity-type=2': event => entityCodes(event).includes('2'),
  'entity-type=XrequestId': event => entityCodes(event).includes('XrequestId'),
  'entity-role=4': event => entityCodes(event).includes('4'),
  'entity-role=20': event => entityCodes(event).includes('20'),
  'entity-role=24': event => entityCodes(event).includes('24'),
  'entity-name=hear': event => titles(event).some(title => title.toLowerCase().startsWith('hear')),
  'entity-name:missing=true': event => titles(event).length === 0,
  'entity-name=nobody': () => false,
  'entity-name:exact=hearts': event => titles(event).includes('hearts'),
  'entity-name:contains=beats': event => titles(event).includes('Heartbeats'),
  'source:missing=false': () => true,
  'source=Device/nobody': () => false,
  'site:missing=true': () => true,
  ...Object.fromEntries(
    ['address', 'agent-role', 'altid', 'policy', 'site'].map(code => [`${code}=nobody`, () => false]),
  ),
  ...Object.fromEntries(
    ['_tag', '_security', '_source'].map(code => [`${code}=http://example.org/nobody`, () => false]),
  ),
  'action=R': ({ action }) => action === 'R',
  'action=C,D': ({ action }) => action === 'C' || action === 'D',
  'action=E': ({ action }) => action === 'E',
  'action:not=U': ({ action }) => action !== 'U',
  'subtype=110122': event => codes(event).includes('110122'),
  'subtype=read': event => codes(event).includes('read'),
  'subtype=http://hl7.org/fhir/restful-interaction|update': event => codes(event).includes('update'),
  'subtype=search-type&action=E': event => codes(event).includes('search-type'),
  'outcome=0': event => outcomes(event) === '0',
  'outcome=4': event => outcomes(event) === '4',
  'outcome=8': event => outcomes(event) === '8',
  'outcome:not=0': event => outcomes(event) !== '0',
  'agent-name=hearts': isCalled('hearts'),
  'agent-name=MARTA': isCalled('márta'),
  'agent-name:exact=Márta Olsen': isCalled('márta'),
  'agent-name:contains=árta': isCalled('márta'),
  'agent-name=work': isCalled('work'),
  [`agent-name=${clientBefore}`]: isCalled(clientBefore.toLowerCase()),
  'agent-name=nobody': () => false,
  'agent-name:missing=false': event => event.agent.some(({ name }) => name !== undefined),
  'agent-name=clerk': isCalled('clerk'),
  'agent-name=somebody else': isCalled('somebody else'),
  '_filter=agent-name ne "Márta Olsen"': event =>
    event.agent.some(({ name }) => name !== undefined && name !== 'Márta Olsen'),
  [`date=ge${middle}`]: event => timeOf(event) >= Date.parse(middle),
  [`date=lt${middle}`]: event => timeOf(event) < Date.parse(middle),
  [`date=${middle}`]: event => timeOf(event) === Date.parse(middle),
  [`date=gt${middle}`]: event => timeOf(event) > Date.parse(middle),
  [`date=le${middle}`]: event => timeOf(event) <= Date.parse(middle),
  [`date=sa${middle}`]: event => timeOf(event) > Date.parse(middle),
  'date=2020-02-29': event => timeOf(event) === written,
  'date=eb2020-03-01': event => timeOf(event) === written,
  'date=ne2020-02-29': event => timeOf(event) !== written,
  [`_lastUpdated=${updated}`]: event => updateOf(event) === Date.parse(updated),
  [`_lastUpdated=ne${updated}`]: event => updateOf(event) !== Date.parse(updated),
  [`_lastUpdated=ge${updated}`]: event => updateOf(event) >= Date.parse(updated),
  [`_lastUpdated=gt${updated}`]: event => updateOf(event) > Date.parse(updated),
  [`_lastUpdated=sa${updated}`]: event => updateOf(event) > Date.parse(updated),
  [`_lastUpdated=le${updated}`]: event => updateOf(event) <= Date.parse(updated),
  [`_lastUpdated=lt${updated}`]: event => updateOf(event) < Date.parse(updated),
  [`patient=${ann}&action=R&date=lt2020-03-01`]: event => timeOf(event) === written,
}
for (const [query, holds] of Object.entries(cases))
  t.test(`AuditEvent?${query} finds what it finds among all events`, async t => {
    const expected = all.filter(holds).map(({ id }) => id)
    t.strictSame(
      (await eventsOf(`${query}&_count=1000`)).map(({ id }) => id),
      expected,
    )
    t.equal(expected.length === 0, query.endsWith('nobody'))
    const { total } = (await send('everything', 'GET', `AuditEvent?${query}&_summary=count`)).json()
    t.equal(total, expected.length)
  })

for (const [query, sign] of [
  ['_sort=date', 1],
  ['_sort=-date', -1],
] as const)
  t.test(`AuditEvent?${query} has all events in the order of what they say, page by page`, async t => {
    const found: AuditEvent[] = []
    for (const { resource } of await pages('everything', `AuditEvent?${query}&_count=7`))
      found.push(resource as AuditEvent)
    t.strictSame(new Set(found.map(({ id }) => id)), new Set(all.map(({ id }) => id)))
    t.ok(found.some(({ id }) => id?.startsWith('installation-')))
    const times = found.map(timeOf)
    t.strictSame(
      times,
      times.toSorted((one, other) => sign * (one - other)),
    )
  })

t.test('events are counted and brought into an order without putting one of them together', async t => {
  await database.run(sql.fragment`
    CREATE OR REPLACE FUNCTION audit_content(of_record bigint, of_id text, subjects text[], told text) RETURNS jsonb
    STABLE LANGUAGE sql AS $$ SELECT to_jsonb(1 / (of_record - of_record)) $$`)
  for (const [query, holds] of Object.entries(cases)) {
    const counted = await send('everything', 'GET', `AuditEvent?${query}&_summary=count`)
    t.equal(counted.statusCode, 200, query)
    t.equal(counted.json().total, all.filter(holds).length)
  }
  for (const query of ['_sort=date', '_sort=-date', `_sort=-date&patient=${ann}`]) {
    const search = parseSearch(loadRegistry(), 'AuditEvent', new URLSearchParams(`${query}&_count=1000`))
    const source = sourceOf({ access: fullAccess, classes: openCodeClasses(), commonTokens: () => false }, search)
    const keys = keysInOrder({ search, at: undefined }, source)
    const rows = await database.any(sql.fragment`WITH ${keys} SELECT pk FROM page`)
    t.ok(rows.length > 0, query)
  }
})
