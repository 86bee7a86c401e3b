import type { AuditEvent, Bundle, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../src/storage/audit/seal/seal.ts'
import * as facts from './facts.ts'
import { type Call, openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
const staff = async (id: string, more = {}): Promise<Call> =>
  world.call(await world.token({ subject: { kind: 'user', person: `person-${id}` }, scope: 'user/*.cruds', ...more }))
const patient = async (id: string): Promise<Call> =>
  world.call(await world.token({ subject: { kind: 'patient', patient: id }, scope: 'patient/*.cruds user/*.cruds' }))
const seal = () => sealAudit(world.database, auditKeyOf(Buffer.alloc(32, 7)))

/** What is done, whose data it concerns, and whose officer oversees it. */
type Done = {
  readonly by: Call
  readonly path: string
  readonly patients: readonly string[]
  readonly officer?: 'officer' | 'foreign-officer'
  /** Answered with nothing, and about nobody. */
  readonly isEmpty?: true
  /** Whether it concerns no patient and no data of one, so that administrators of the installation are told. */
  readonly ofInstallation?: true
  /** The Consents that allowed it. */
  readonly consents?: readonly string[]
}
const researcher = await staff('researcher')
const ofTheLab: Pick<Done, 'by' | 'officer'> = { by: researcher, officer: 'officer' }
const done: readonly Done[] = [
  { ...ofTheLab, path: 'Observation/ann-heart-0', patients: ['ann'], consents: ['consent-open-ann'] },
  { ...ofTheLab, path: 'Observation/pat-heart', patients: ['pat', 'pat-elsewhere'], consents: ['consent-open-pat'] },
  {
    ...ofTheLab,
    path: 'Observation?patient=ann,lou,jon&_count=50&_include=Observation:patient',
    patients: ['ann', 'lou', 'jon'],
    consents: ['consent-open-ann', 'consent-open-lou'],
  },
  { ...ofTheLab, path: 'Patient?_id=ann,gil', patients: ['ann', 'gil'] },
  { ...ofTheLab, path: 'Observation/jon-heart', patients: [] },
  { ...ofTheLab, path: 'Patient/nobody', patients: [] },
  { ...ofTheLab, path: 'Practitioner/nobody', patients: [], ofInstallation: true },
  {
    by: await staff('visitor'),
    path: 'Observation/jon-heart',
    patients: ['jon'],
    officer: 'foreign-officer',
    consents: ['consent-foreign-jon'],
  },
  {
    by: await staff('clinician'),
    path: 'Observation/kim-heart',
    patients: ['kim'],
    officer: 'officer',
    consents: ['consent-clinician-kim'],
  },
  ...[
    'Observation?subject._id=ann&value-quantity=gt1000&_summary=count',
    'Observation?patient.family=secret-ann&value-quantity=gt1000',
    'Patient/ann/Observation?value-quantity=gt1000&_summary=count',
    'Observation?_id=ann-heart-0&value-quantity=gt1000&_summary=count',
    'Organization?_has:Patient:organization:_has:Observation:patient:_id=ann-heart-0',
  ].map((path): Done => ({ ...ofTheLab, path, patients: ['ann'], consents: ['consent-open-ann'] })),
  // Nobody is told whose it is if they may not see it.
  { ...ofTheLab, path: 'Observation?_id=jon-heart', patients: [], isEmpty: true },
  { by: await patient('ann'), path: 'Observation?code=8867-4', patients: ['ann'] },
  { by: await patient('jon'), path: 'Condition?patient=ann', patients: ['ann'] },
]
const requestOf = new Map<string, Done>()
for (const one of done) {
  const { status, headers } = await one.by('GET', one.path)
  const isRefused = one.patients.length === 0 && !one.isEmpty
  if (status !== (isRefused ? 404 : 200)) throw new Error(`${one.path}: ${status}`)
  requestOf.set(String(headers['x-request-id']), one)
}
await seal()

type Reader = { readonly name: string; readonly call: Call; readonly sees: (one: Done) => boolean }
const none = () => false
const own =
  (...ids: readonly string[]) =>
  ({ patients }: Done) =>
    patients.some(id => ids.includes(id))
const readers: readonly Reader[] = [
  { name: 'ann', call: await patient('ann'), sees: own('ann') },
  { name: 'lou', call: await patient('lou'), sees: own('lou') },
  { name: 'jon', call: await patient('jon'), sees: own('jon') },
  { name: 'kim', call: await patient('kim'), sees: own('kim') },
  { name: 'pat', call: await patient('pat'), sees: own('pat') },
  { name: 'gil', call: await patient('gil'), sees: own('gil') },
  { name: 'officer', call: await staff('officer'), sees: ({ officer }) => officer === 'officer' },
  {
    name: 'foreign-officer',
    call: await staff('foreign-officer'),
    sees: ({ officer }) => officer === 'foreign-officer',
  },
  ...(await Promise.all(
    ['researcher', 'dean', 'registrar', 'clinician', 'visitor', 'former', 'nobody'].map(async name => ({
      name,
      call: await staff(name),
      sees: none,
    })),
  )),
  ...(await Promise.all(
    (['officer', 'foreign-officer', 'researcher'] as const).map(async name => ({
      name: `${name}, whose app was launched with lou`,
      call: await staff(name, {
        subject: { kind: 'user', person: `person-${name}`, launchPatient: 'lou' },
        scope: 'patient/AuditEvent.rs',
      }),
      sees: ({ officer, patients }: Done) => officer === name && patients.includes('lou'),
    })),
  )),
  { name: 'officer, narrowed to a study', call: await staff('officer', { study: 'open' }), sees: none },
  { name: 'officer, without the scope', call: await staff('officer', { scope: 'user/Patient.rs' }), sees: none },
  {
    name: 'administrator',
    call: world.call(await world.token({ subject: { kind: 'administrator' }, scope: 'user/*.cruds system/*.cruds' })),
    sees: ({ ofInstallation }) => ofInstallation === true,
  },
]

/** The resources in the answer for the path, even if they are in a Bundle of answers; none if it is refused. */
const resourcesAt = async (call: Call, path: string): Promise<readonly Resource[]> => {
  const { status, body } = await call('GET', path)
  return status === 200 ? resourcesIn(JSON.parse(body)) : []
}
const resourcesIn = ({ entry = [] }: Bundle): readonly Resource[] =>
  entry.flatMap(({ resource }) => {
    if (resource === undefined) return []
    return resource.resourceType === 'Bundle' ? resourcesIn(resource) : [resource]
  })
const recordedIn = (resources: readonly Resource[]): readonly AuditEvent[] =>
  resources.flatMap(one =>
    one.resourceType === 'AuditEvent' && /^(access|installation)-/.test(one.id ?? '') ? [one] : [],
  )
const idsIn = (resources: readonly Resource[]): readonly string[] => recordedIn(resources).map(({ id = '' }) => id)

/** The one of `done` that an event tells of; undefined for anything else that is recorded, as while this world is made. */
const doneIn = ({ entity = [] }: AuditEvent): Done | undefined =>
  entity.flatMap(({ what }) => requestOf.get(what?.identifier?.value ?? '') ?? [])[0]
const pathsOf = (of: readonly (Done | undefined)[]) => of.flatMap(one => one?.path ?? []).sort()

const shown = new Map<string, readonly AuditEvent[]>()
for (const { name, call } of readers) shown.set(name, recordedIn(await resourcesAt(call, 'AuditEvent?_count=1000')))
const everythingShownTo = ({ name }: Pick<Reader, 'name'>) => shown.get(name) ?? []
const shownTo = (reader: Reader) => everythingShownTo(reader).filter(event => doneIn(event) !== undefined)

t.test('asked by a study, each reader is shown those of their events that name it, and no other', async t => {
  for (const reader of readers) {
    const naming = shownTo(reader).filter(({ entity = [] }) =>
      entity.some(({ what }) => what?.reference === 'ResearchStudy/open'),
    )
    const asked = recordedIn(await resourcesAt(reader.call, 'AuditEvent?entity=ResearchStudy/open&_count=1000'))
    const found = asked.filter(event => doneIn(event) !== undefined)
    t.same(found.map(({ id }) => id).sort(), naming.map(({ id }) => id).sort(), reader.name)
    if (reader.name === 'officer') t.ok(found.length > 0, 'some are found')
  }
})

const isPatient = ({ name }: Reader) => facts.patients.some(([id]) => id === name)

t.test('a search shows patients what concerns them, officers what they oversee, and others nothing', async t => {
  for (const reader of readers)
    t.strictSame(pathsOf(shownTo(reader).map(doneIn)), pathsOf(done.filter(reader.sees)), reader.name)
})

t.test('an event that a patient is shown names no other patient, nor another’s Consent', async t => {
  for (const reader of readers.filter(isPatient)) {
    const others = facts.patients.flatMap(([id]) => (facts.isOneHuman(id, reader.name) ? [] : [id]))
    const other = new RegExp(`Patient/(${others.join('|')})"|consent-[a-z]+-(${others.join('|')})/`)
    for (const event of shownTo(reader)) t.notMatch(JSON.stringify(event), other, reader.name)
  }
})

t.test(
  'an event names the Consents that allowed it: to patients their own, to officers those given within their tenant',
  async t => {
    for (const reader of readers)
      for (const event of shownTo(reader)) {
        const { consents = [], path } = doneIn(event) as Done
        const named = (event.entity ?? []).flatMap(({ type, what }) =>
          type?.code === 'Consent' ? [what?.reference?.split('/')[1]] : [],
        )
        const isTold = (id: string) => !isPatient(reader) || id.endsWith(`-${reader.name}`)
        t.strictSame(named, consents.filter(isTold), `${reader.name}: ${path}`)
      }
  },
)

t.test('an event that an administrator is shown names no patient, and its number does not tell of others', async t => {
  const administrator = readers.find(({ name }) => name === 'administrator') as Reader
  const all = await resourcesAt(administrator.call, 'AuditEvent?_count=1000')
  const names = facts.patients.map(([id]) => id).join('|')
  t.notMatch(JSON.stringify(all), new RegExp(`"(Patient|Observation|Consent|ResearchS[a-z]+)/|"(${names})"`))
  const numbers = idsIn(all).map(id => Number(id.slice('installation-'.length)))
  t.strictSame(
    numbers,
    Array.from(numbers, (_, index) => numbers.length - index),
  )
})

t.test('counts, batches, lines and compartments show as much as a search', async t => {
  for (const reader of readers) {
    const { call, name } = reader
    const all = everythingShownTo(reader).map(({ id }) => id)
    const url = 'AuditEvent?_count=1000'
    const batch = await call('POST', '', {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [{ request: { method: 'GET', url } }],
    })
    t.strictSame(idsIn(resourcesIn(JSON.parse(batch.body))), all, `${name}: batch`)
    const lines = await call('GET', url, undefined, { accept: 'application/fhir+ndjson' })
    t.equal(lines.body.match(/"id": ?"(access|installation)-/g)?.length ?? 0, all.length, `${name}: lines`)
    const count = await call('GET', 'AuditEvent?_summary=count&action=R,E')
    t.equal(JSON.parse(count.body).total ?? 0, everythingShownTo(reader).filter(isRead).length, `${name}: count`)
    const within = await resourcesAt(call, 'Patient/ann/AuditEvent?_count=1000')
    t.strictSame(
      idsIn(within),
      name === 'ann' || isOfficer(reader) ? idsIn(within).filter(id => all.includes(id)) : [],
      `${name}: compartment`,
    )
  }
})
const isRead = ({ action }: AuditEvent) => action === 'R' || action === 'E'
const isOfficer = ({ name }: Reader) => name === 'officer'

t.test('read, vread and history answer those who are shown the event; for others it does not exist', async t => {
  const told = new Set(readers.flatMap(reader => shownTo(reader).map(({ id }) => id)))
  for (const reader of readers)
    for (const id of told)
      for (const path of [`AuditEvent/${id}`, `AuditEvent/${id}/_history/1`]) {
        const { status } = await reader.call('GET', path)
        const isShown = everythingShownTo(reader).some(event => event.id === id)
        t.equal(status === 200, isShown, `${reader.name}: ${path}`)
      }
})

const othersIn = (resources: readonly Resource[], reader: Reader) =>
  idsIn(resources).filter(id => !everythingShownTo(reader).some(event => event.id === id))

/** None of these has recorded events. */
const roundabout = [
  'AuditEvent/_history?_count=1000',
  '_history?_count=1000',
  'Patient?_revinclude=AuditEvent:patient',
  'Practitioner?_revinclude=AuditEvent:agent',
  'Consent?_revinclude=AuditEvent:entity',
]
/** None of the AuditEvents that were written in this world has one of these actions. */
const oracles = [
  'Patient?_has:AuditEvent:patient',
  'Practitioner?_has:AuditEvent:agent',
  'Consent?_has:AuditEvent:entity',
]

t.test('no indirect search tells anything of an event', async t => {
  for (const reader of readers) {
    const { call, name } = reader
    for (const path of roundabout) t.strictSame(idsIn(await resourcesAt(call, path)), [], `${name}: ${path}`)
    for (const path of oracles) t.strictSame(await resourcesAt(call, `${path}:action=R,E`), [], `${name}: ${path}`)
    const everything = idsIn(await resourcesAt(call, 'Patient/ann/$everything?_count=1000'))
    t.strictSame(
      everything.filter(id => !everythingShownTo(reader).some(event => event.id === id)),
      [],
      name,
    )
    const chained = await resourcesAt(call, 'AuditEvent?patient:Patient.family=secret-ann&action=R,E')
    t.strictSame(othersIn(chained, reader), [], `${name}: a chain`)
    const included = await resourcesAt(
      call,
      'AuditEvent?_include=AuditEvent:entity&_include=AuditEvent:agent&_count=1000',
    )
    const consents = included.flatMap(({ resourceType, id = '' }) => (resourceType === 'Consent' ? [id] : []))
    t.strictSame(consents, [], `${name}: _include`)
  }
})

t.test('the id that a caller gives their request is shown to nobody', async t => {
  const named = { 'x-request-id': 'of-lou-1980-01-01' }
  const { status, headers } = await researcher('GET', 'Observation/ann-heart-0', undefined, named)
  t.match({ status, headers }, { status: 200, headers: named })
  await seal()
  for (const { name, call } of readers) {
    const before = everythingShownTo({ name }).length
    const events = await resourcesAt(call, 'AuditEvent?_count=1000')
    t.notMatch(JSON.stringify(events), 'of-lou-1980', name)
    if (name === 'ann') t.ok(recordedIn(events).length > before)
  }
})
