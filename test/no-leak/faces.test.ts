import t from 'tap'
import { served } from '../../src/faces/r5/interactions.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { type CallerRow, callers, clients } from './callers.ts'
import { doors } from './doors.ts'
import { secretsOf } from './secrets.ts'
import { type Call, openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

/** Each kind of caller once: the same access lets them in at /fhir, where all callers try all doors. */
const here: readonly CallerRow[] = callers.filter(({ name }) =>
  ['no token', 'researcher', 'visitor', 'bob', 'client-of-lab', 'administrator', 'ann, of one kind'].includes(name),
)

const names = ['search', 'search by POST', 'batch of counts', 'read', 'vread']
const r5Doors = doors.filter(({ name }) => names.includes(name))
const types = [...Map.groupBy(secretsOf(world), ({ type }) => type)].filter(([type]) => served.has(type))

/** Observations without a document, as these are, are only found if a search says which part of them it wants. */
const withAll =
  (call: Call): Call =>
  (method, path, body, headers) =>
    typeof body === 'string'
      ? call(method, path, `${body}&_summary=false`, headers)
      : call(method, path.includes('?') ? `${path}&_summary=false` : path, body, headers)

const mayUse = ({ lets }: CallerRow, letter: 'r' | 's') => lets === undefined || lets.actions.includes(letter)

t.test('the callers, doors and types exist', async t => {
  t.same([here.length, r5Doors.length, types.length], [7, names.length, served.size])
})

for (const caller of here)
  t.test(`through no door of FHIR R5 does ${caller.name} see more than they may, nor less`, async t => {
    const call = withAll(world.call(caller.token && (await world.token(caller.token)), '/FHIR/R5'))
    for (const { name, letter, seen } of r5Doors)
      for (const [type, secrets] of types) {
        const ids = secrets.map(({ id }) => id)
        const expected = secrets.flatMap(one => (mayUse(caller, letter) && one.isReadBy(caller) ? [one.id] : []))
        t.strictSame([...(await seen(call, type, ids))].sort(), expected.sort(), `${name} of ${type}`)
      }
  })

const threeTypes = ['Group', 'Organization', 'Practitioner']
t.test('a search by a patient whom a caller does not see finds nothing, by others what the caller sees', async t => {
  const found: string[] = []
  for (const caller of here) {
    const bearer = caller.token && (await world.token(caller.token))
    const [fhir, r5] = [world.call(bearer), world.call(bearer, '/FHIR/R5')]
    const idsOf = async (call: Call, path: string): Promise<readonly string[]> => {
      const { entry = [] } = JSON.parse((await call('GET', path)).body)
      return entry.map(({ resource }: { resource: { id: string } }) => resource.id)
    }
    const patients = await idsOf(fhir, 'Patient?_count=1000')
    for (const type of threeTypes) {
      const seen = await idsOf(fhir, `${type}?_count=1000`)
      for (const patient of ['ann', 'bob', 'hal', 'jon']) {
        const ids = await idsOf(r5, `${type}?patient=${patient}`)
        t.same(
          ids.filter(id => !patients.includes(patient) || !seen.includes(id)),
          [],
          `${caller.name}: ${type} of ${patient}`,
        )
        if (ids.length > 0 && patient !== 'bob') found.push(`${caller.name}: ${type} of ${patient}`)
      }
    }
  }
  t.same(found, [
    ...threeTypes.flatMap(type => [`researcher: ${type} of ann`, `researcher: ${type} of hal`]),
    ...threeTypes.map(type => `visitor: ${type} of jon`),
    'client-of-lab: Group of ann',
    'client-of-lab: Organization of ann',
  ])
})

const documentOf = (uuid: string) => ({
  header: {
    uuid,
    schema_id: { namespace: 'omh', name: 'heart-rate', version: '2.0' },
    source_creation_date_time: '2026-03-01T08:00:00Z',
    modality: 'sensed',
  },
  body: {
    heart_rate: { value: 60, unit: 'beats/min' },
    effective_time_frame: { date_time: '2026-03-01T08:00:00Z' },
  },
})

t.test('as data points a caller sees what they see as Observations', async t => {
  const everything = world.call('everything', '/omh/v1')
  const uuids = ['ann', 'bob', 'hal', 'jon'].map((patient, index) => ({
    patient,
    uuid: `5f2a9c1e-0000-4000-8000-00000000000${index}`,
  }))
  for (const { patient, uuid } of uuids) {
    const headers = { 'content-type': 'application/json' }
    t.equal((await everything('POST', `dataPoints?patient=${patient}`, documentOf(uuid), headers)).status, 201)
  }
  const seenInAll: string[] = []
  for (const caller of here) {
    const bearer = caller.token && (await world.token(caller.token))
    const [fhir, omh] = [world.call(bearer), world.call(bearer, '/omh/v1')]
    const identifiers = uuids.map(({ uuid }) => `urn:uuid:${uuid}`).join()
    const found = await fhir('GET', `Observation?identifier=${identifiers}`)
    const list = await omh('GET', 'dataPoints')
    t.equal(list.status, found.status, caller.name)
    for (const { patient, uuid } of uuids) {
      const isSeen = JSON.stringify(JSON.parse(found.body).entry ?? []).includes(uuid)
      const one = await omh('GET', `dataPoints/${uuid}`)
      t.same([list.body.includes(uuid), one.status === 200], [isSeen, isSeen], `${caller.name}: ${patient}`)
      t.equal(one.body.includes('heart_rate'), isSeen, 'and nothing of it otherwise')
      if (isSeen) seenInAll.push(`${caller.name}: ${patient}`)
    }
  }
  t.same(seenInAll, ['researcher: ann', 'visitor: jon', 'bob: bob', 'client-of-lab: ann', 'client-of-lab: hal'])
})
