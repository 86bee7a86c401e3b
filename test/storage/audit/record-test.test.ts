import type { AuditEvent, Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { auditKeyOf } from '../../../src/storage/audit/chain.ts'
import { withinDoor } from '../../../src/storage/audit/door.ts'
import { sealAudit } from '../../../src/storage/audit/seal.ts'
import { recordSignIn } from '../../../src/storage/audit/sign-in.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, institution, study, participant, staffToken, create, send, update, patientToken } =
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
  await server.inject({
    method: 'DELETE',
    url: `/fhir/Observation/${made.id}`,
    headers: { authorization: `Bearer ${app}` },
  })
  for (const path of [`Patient/${patient}`, `Patient/${patient}/_history`, 'Observation', 'Patient/nobody'])
    await send(reader, 'GET', path)
}
/** Who and what is called otherwise from now on. */
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
await send(reader, 'GET', `Patient/${ann}`)
await withinDoor({}, () => recordSignIn(database, { person: researcher.person, outcome: 200 }))
/** One that somebody has written, of another time than it was written at. */
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
await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))

const eventsOf = async (query: string): Promise<readonly AuditEvent[]> => {
  const bundle: Bundle<AuditEvent> = (await send('everything', 'GET', `AuditEvent?${query}`)).json()
  return (bundle.entry ?? []).flatMap(({ resource }) => resource ?? [])
}
// What these questions themselves leave is not sealed, and so is shown to none of them.
const all = await eventsOf('_count=1000')
const middle = all[Math.floor(all.length / 2)]?.recorded ?? ''

const references = ({ agent, entity = [] }: AuditEvent) =>
  [...agent.map(({ who }) => who?.reference), ...entity.map(({ what }) => what?.reference)].filter(
    one => one !== undefined,
  )
const agents = ({ agent }: AuditEvent) => agent.map(({ who }) => who?.reference)
const entities = ({ entity = [] }: AuditEvent) => entity.map(({ what }) => what?.reference)
const codes = ({ subtype = [] }: AuditEvent) => subtype.map(({ code }) => code)
const outcomes = ({ outcome }: AuditEvent) => outcome
const isCalled =
  (beginning: string) =>
  ({ agent }: AuditEvent) =>
    agent.some(({ name = '' }) => name.toLowerCase().startsWith(beginning))
const timeOf = ({ recorded }: AuditEvent) => Date.parse(recorded)
const written = Date.parse('2020-02-29T12:00:00Z')

const cases: Readonly<Record<string, (event: AuditEvent) => boolean>> = {
  [`patient=${ann}`]: event => references(event).includes(`Patient/${ann}`),
  [`patient=Patient/${bob}`]: event => references(event).includes(`Patient/${bob}`),
  [`entity=Patient/${ann}`]: event => entities(event).includes(`Patient/${ann}`),
  [`entity=ResearchStudy/${id}`]: event => entities(event).includes(`ResearchStudy/${id}`),
  [`agent=Practitioner/${researcher.practitioner}`]: event =>
    agents(event).includes(`Practitioner/${researcher.practitioner}`),
  [`agent=Patient/${ann}`]: event => agents(event).includes(`Patient/${ann}`),
  'agent=Practitioner/nobody': () => false,
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
  'outcome:not=0': event => outcomes(event) !== '0',
  'agent-name=hearts': isCalled('hearts'),
  'agent-name=MARTA': isCalled('márta'),
  'agent-name:exact=Márta Olsen': isCalled('márta'),
  'agent-name:contains=árta': isCalled('márta'),
  'agent-name=work': isCalled('work'),
  [`agent-name=${clientBefore}`]: isCalled(clientBefore.toLowerCase()),
  'agent-name=nobody': () => false,
  [`date=ge${middle}`]: event => timeOf(event) >= Date.parse(middle),
  [`date=lt${middle}`]: event => timeOf(event) < Date.parse(middle),
  [`date=${middle}`]: event => timeOf(event) === Date.parse(middle),
  [`date=gt${middle}`]: event => timeOf(event) > Date.parse(middle),
  [`date=le${middle}`]: event => timeOf(event) <= Date.parse(middle),
  [`date=sa${middle}`]: event => timeOf(event) > Date.parse(middle),
  'date=2020-02-29': event => timeOf(event) === written,
  'date=eb2020-03-01': event => timeOf(event) === written,
  'date=ne2020-02-29': event => timeOf(event) !== written,
  [`patient=${ann}&action=R&date=lt2020-03-01`]: event => timeOf(event) === written,
}
for (const [query, holds] of Object.entries(cases))
  t.test(`AuditEvent?${query} finds what all events together have`, async t => {
    const expected = all.filter(holds).map(({ id }) => id)
    t.strictSame(
      (await eventsOf(`${query}&_count=1000`)).map(({ id }) => id),
      expected,
    )
    t.equal(expected.length === 0, query.endsWith('nobody'))
    const { total } = (await send('everything', 'GET', `AuditEvent?${query}&_summary=count`)).json()
    t.equal(total, expected.length)
  })

t.test('by time they are counted without one of them being put together', async t => {
  await database.run(sql.fragment`
    CREATE OR REPLACE FUNCTION audit_content(of_record bigint, of_id text, subjects text[], told text) RETURNS jsonb
    STABLE LANGUAGE sql AS $$ SELECT to_jsonb(1 / (of_record - of_record)) $$`)
  const counted = await send('everything', 'GET', `AuditEvent?date=ge${middle}&_summary=count`)
  t.equal(counted.statusCode, 200)
  t.equal(counted.json().total, all.filter(event => timeOf(event) >= Date.parse(middle)).length)
})
