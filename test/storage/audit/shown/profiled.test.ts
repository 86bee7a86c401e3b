import type { AuditEvent, AuditEventAgent, AuditEventEntity, Bundle, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { auditKeyOf } from '../../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../../src/storage/audit/seal/seal.ts'
import { openStudies } from '../../../support/study.ts'

const { server, database, institution, study, participant, staffToken, create, send, patientToken } =
  await openStudies()
t.teardown(() => server.close())

const { organization, manager } = await institution('lab')
const kinds = ['omh:heart-rate']
const { id, researcher } = await study(manager, organization, 'hearts', kinds)
const reader = await staffToken(researcher, 'user/*.rs')
const patient = await participant(manager, organization, id, kinds, 'Castillo')
const app = await patientToken(patient, 'patient/*.cruds')

const reading: Observation = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/${patient}` },
  valueQuantity: { value: 60 },
}
const made = await create(app, reading)
const at = `Observation/${made.id}`
await send(app, 'PUT', at, { ...made, valueQuantity: { value: 61 } })
await server.inject({
  method: 'PATCH',
  url: `/fhir/${at}`,
  headers: { authorization: `Bearer ${app}`, 'content-type': 'application/json-patch+json' },
  payload: [{ op: 'replace', path: '/valueQuantity/value', value: 62 }],
})
await send(app, 'POST', '', {
  resourceType: 'Bundle',
  type: 'batch',
  entry: [1, 2].map(value => ({
    resource: { ...reading, valueQuantity: { value } },
    request: { method: 'POST', url: 'Observation' },
  })),
})
for (const bearer of [reader, app])
  for (const path of [at, `${at}/_history/1`, `${at}/_history`, `Observation?patient=${patient}`, 'Observation/nobody'])
    await send(bearer, 'GET', path)
await send(app, 'DELETE', at)
const organizationAt = `Organization/${organization}`
const { meta: _, ...lab } = (await send(manager, 'GET', organizationAt)).json()
await send(manager, 'PUT', organizationAt, { ...lab, alias: ['The lab'] })
await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))

const { entry = [] }: Bundle<AuditEvent> = (await send('everything', 'GET', 'AuditEvent?_count=1000')).json()
const events = entry.flatMap(({ resource }) => resource ?? [])

/** Codes of DICOM, of HL7's kinds of participation, and of HL7's participants in a Provenance, for who sent and who received. */
const [source, destination, application, custodian] = ['110153', '110152', '110150', 'custodian']
const writers = ['AUT', 'INF', 'CST']

type Rules = {
  readonly subtypes: readonly string[]
  readonly action: AuditEvent['action']
  readonly client: string
  readonly server: string
  readonly users: readonly string[]
}

/** What https://profiles.ihe.net/ITI/BALP/1.1.3/ asks of events about requests of each kind. */
const rules: Readonly<Record<string, Rules>> = {
  Query: {
    subtypes: ['search', 'search-type', 'search-system'],
    action: 'E',
    client: source,
    server: destination,
    users: ['IRCP'],
  },
  Read: { subtypes: ['read', 'vread'], action: 'R', client: destination, server: source, users: ['IRCP'] },
  Create: { subtypes: ['create'], action: 'C', client: source, server: destination, users: writers },
  Update: { subtypes: ['update', 'patch'], action: 'U', client: source, server: destination, users: writers },
  Delete: { subtypes: ['delete'], action: 'D', client: application, server: custodian, users: writers },
}

const isOf = (type: string, { type: own }: AuditEventEntity) =>
  own?.system === 'http://terminology.hl7.org/CodeSystem/audit-entity-type' && own.code === type
const codeOf = ({ type }: AuditEventAgent) => type?.coding?.[0]?.code ?? ''

/** What in an event is not as the profile that it claims has it. */
const wrongIn = (event: AuditEvent, claimed: string): readonly string[] => {
  const asked = rules[claimed.replace('Patient', '')]
  if (asked === undefined) return ['there is no such profile']
  const { subtypes, action, client, server: serving, users } = asked
  const { agent, entity = [], outcome, subtype = [], type } = event
  const objects = entity.filter(one => isOf('2', one))
  const people = entity.filter(one => isOf('1', one))
  const [object] = objects
  const isQuery = claimed.endsWith('Query')
  const machines = [client, serving].map(code => agent.filter(one => codeOf(one) === code))
  const humans = agent.filter(({ requestor, network }) => requestor && network === undefined)
  const checks: Readonly<Record<string, boolean>> = {
    'it is about REST': type.code === 'rest',
    'the interaction is one of those': subtype.length === 1 && subtypes.includes(subtype[0]?.code ?? ''),
    'the action is its own': event.action === action,
    'it succeeded': outcome === '0',
    'client and server are there once, with who and network': machines.every(
      ([one, ...others]) => one?.who !== undefined && one.network !== undefined && others.length === 0,
    ),
    'a person is one who receives, or who writes': humans.every(one => users.includes(codeOf(one))),
    'there is one object': objects.length === 1,
    'the object is the query, or else the resource': isQuery
      ? object?.role?.code === '24' &&
        object.query !== undefined &&
        object.what === undefined &&
        object.detail === undefined
      : ['3', '4', '20'].includes(object?.role?.code ?? '') && object?.what?.reference !== undefined,
    'the patient is named once':
      !claimed.startsWith('Patient') ||
      (people.length === 1 && people[0]?.role?.code === '1' && /^Patient\//.test(people[0].what?.reference ?? '')),
    'the request is named by its id': entity.every(
      one => one.type?.code !== 'XrequestId' || one.what?.identifier?.value !== undefined,
    ),
  }
  return Object.entries(checks).flatMap(([rule, holds]) => (holds ? [] : [rule]))
}

const claimOf = ({ meta }: AuditEvent) => meta?.profile?.map(url => /IHE\.BasicAudit\.(\w+)$/.exec(url)?.[1] ?? url)

t.test('what claims a profile of IHE BALP has the form that the profile asks for', async t => {
  for (const event of events)
    for (const claimed of claimOf(event) ?? [])
      t.same(wrongIn(event, claimed), [], `${claimed}: ${JSON.stringify(event)}`)
  const all = new Set(events.flatMap(event => claimOf(event) ?? []))
  for (const claimed of [
    'PatientQuery',
    'PatientRead',
    'PatientCreate',
    'PatientUpdate',
    'PatientDelete',
    'Read',
    'Create',
    'Update',
  ])
    t.ok(all.has(claimed), claimed)
})

t.test('what was refused, and what named no single resource, claims none', async t => {
  const unclaimed = events.filter(event => claimOf(event) === undefined)
  t.ok(unclaimed.some(({ outcome, subtype }) => outcome === '4' && subtype?.[0]?.code === 'read'))
  t.ok(unclaimed.some(({ outcome, subtype }) => outcome === '0' && subtype?.[0]?.code === 'create'))
  t.same(
    events.filter(event => event.outcome !== '0' && claimOf(event) !== undefined),
    [],
  )
})
