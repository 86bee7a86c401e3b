import { setTimeout as pause } from 'node:timers/promises'
import type { Bundle, Observation } from '@medplum/fhirtypes'
import t, { type Test } from 'tap'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { callers, clients } from './callers.ts'
import * as facts from './facts.ts'
import { type Call, consentOf, observationOf, openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld({ pauseMs: 20, retries: 1 })
t.teardown(() => world.server.close())
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

/** Values in units that summaries count; no other values are counted. */
const units = [
  [facts.heartRate, '/min', '$daily-summary'],
  [facts.weight, 'mg/dL', '$cgm-summary'],
] as const
for (const one of facts.observations) {
  const [, code] = units.find(([kind]) => kind === one.kinds[0]) ?? []
  const valueQuantity = { value: 71, unit: 'x', system: 'http://unitsofmeasure.org', code }
  if (code !== undefined)
    await world.everything('PUT', `Observation/${one.id}`, { ...observationOf(one), valueQuantity })
}

const patients = ['ann', 'hal', 'jon', 'nobody']
const observationsIn = (body: string): readonly Observation[] =>
  ((JSON.parse(body) as Bundle).entry ?? []).flatMap(({ resource }) =>
    resource?.resourceType === 'Observation' ? [resource] : [],
  )

/** The readings that the caller finds. */
const foundBy = async (call: Call): Promise<readonly Observation[]> => {
  const codes = units.map(([code]) => code).join()
  const { status, body } = await call('GET', `Observation?code=${codes}&date=ge2026-01-01&_count=1000`)
  return status === 200 ? observationsIn(body) : []
}

const isOf = ({ subject, code, effectiveDateTime, effectivePeriod }: Observation, patient: string, kind: string) =>
  subject?.reference === `Patient/${patient}` &&
  kindsOf({ code }).includes(kind) &&
  (effectiveDateTime ?? effectivePeriod?.start ?? '').startsWith('2026')

const classes = openCodeClasses()
const kindsOf = ({ code }: Pick<Observation, 'code'>) =>
  (code.coding ?? []).map(({ system, code = '' }) => classes.classOf(system, code))

/** How many readings the summaries say they are made from. */
const summedFor = async (call: Call, path: string): Promise<number> => {
  const { status, body } = await call('GET', `Observation/${path}&start=2026-01-01&end=2026-12-31`)
  if (status !== 200) return 0
  const isMember = ({ code }: Observation) => code.coding?.[0]?.code !== '107931-8'
  const counts = observationsIn(body)
    .filter(isMember)
    .map(({ derivedFrom }) => Number.parseInt(derivedFrom?.[0]?.display ?? '0', 10))
  // All figures of glucose are made from the same readings.
  return path.startsWith('$cgm-summary') ? Math.max(0, ...counts) : counts.reduce((sum, one) => sum + one, 0)
}

t.test('a summary is made from readings that the caller finds, and from no others', async t => {
  let seen = 0
  for (const caller of callers) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const found = await foundBy(call)
    for (const patient of patients)
      for (const [kind, , operation] of units) {
        const expected = found.filter(one => isOf(one, patient, kind)).length
        seen += expected
        const path = `${operation}?subject=${patient}&code=${kind}`
        t.equal(await summedFor(call, path), expected, `${caller.name}: ${path}`)
      }
  }
  t.ok(seen > 0)
})

/** How many readings are said to be in no figure. */
const leftOutFor = async (call: Call, path: string): Promise<number> => {
  const { status, body } = await call('GET', `Observation/${path}&start=2026-01-01&end=2026-12-31`)
  if (status !== 200) return 0
  t.same(observationsIn(body), [])
  return ((JSON.parse(body) as Bundle).entry ?? [])
    .flatMap(({ resource }) => (resource?.resourceType === 'OperationOutcome' ? resource.issue : []))
    .reduce((sum, { diagnostics = '' }) => sum + Number.parseInt(diagnostics, 10), 0)
}

const partsOf = (observation: Observation): readonly Observation[] => [
  observation,
  ...(observation.component ?? []).map(({ code }) => ({ ...observation, code })),
]

t.test('what a summary says it leaves out are readings that the caller finds, and no others', async t => {
  const valueQuantity = { value: 71, unit: 'x', system: 'http://unitsofmeasure.org', code: 'cm' }
  for (const one of facts.observations)
    if (units.some(([kind]) => kind === one.kinds[0]))
      await world.everything('PUT', `Observation/${one.id}`, { ...observationOf(one), valueQuantity })
  let seen = 0
  for (const caller of callers) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const found = await foundBy(call)
    for (const patient of patients)
      for (const [kind, , operation] of units) {
        const expected = found.flatMap(partsOf).filter(one => isOf(one, patient, kind)).length
        seen += expected
        const path = `${operation}?subject=${patient}&code=${kind}`
        t.equal(await leftOutFor(call, path), expected, `${caller.name}: ${path}`)
      }
  }
  t.ok(seen > 0)
})

const query = 'Observation?_count=1000&_include=Observation:subject&_revinclude=Provenance:target'
const idsIn = ({ entry = [] }: Bundle): readonly string[] =>
  entry.map(({ resource }) => `${resource?.resourceType}/${resource?.id}`).sort()

type Asked = { readonly name: string; readonly call: Call; readonly location: string }
const asked: Asked[] = []
/** What was found, or the status if it was refused. */
const answered = async ({ call, location }: Asked): Promise<unknown> => {
  for (;;) {
    const { status, body } = await call('GET', location)
    if (status === 202) {
      await pause(100)
      continue
    }
    const [{ resource, response }] = JSON.parse(body).entry
    return resource === undefined ? Number.parseInt(response.status, 10) : idsIn(resource)
  }
}

const answeredNow = async ({ call }: Asked): Promise<unknown> => {
  const { status, body } = await call('GET', query)
  return status === 200 ? idsIn(JSON.parse(body)) : status
}

const compare = async (tap: Test): Promise<void> => {
  for (const one of asked) tap.same(await answered(one), await answeredNow(one), one.name)
}

t.test('somebody who may search nothing is refused at once', async t => {
  for (const { name, token } of callers) {
    const call = world.call(token && (await world.token(token)))
    const { status, headers, body } = await call('GET', query, undefined, { prefer: 'respond-async' })
    if (status === 202)
      asked.push({ name, call, location: String(headers['content-location']).split('/fhir/')[1] ?? '' })
    else t.equal((await call('GET', query)).status, status, `${name} is refused at once: ${body}`)
  }
  t.ok(asked.length > 20)
})

t.test('a later answer has what the caller may see at that time', async t => {
  await compare(t)
})

t.test('what was withdrawn since is not answered', async t => {
  for (const consent of facts.consents.filter(({ patient }) => patient === 'ann')) {
    const { id, ...content } = consentOf({ ...consent, status: 'inactive' })
    t.ok((await world.everything('PUT', `Consent/${id}`, { ...content, id })).status < 300)
  }
  await compare(t)
})

t.test('nobody sees how far another caller’s request is, or cancels it', async t => {
  for (const [index, { call, name }] of asked.entries()) {
    const other = asked[(index + 1) % asked.length]
    for (const method of ['GET', 'DELETE'] as const)
      t.equal((await call(method, other?.location ?? '')).status, 404, `${name} ${method}`)
  }
  t.equal((await world.call(undefined)('GET', asked[0]?.location ?? '')).status, 401)
})

t.test('data of a sensor is accepted from whoever may create it, and from nobody else', async t => {
  const entry = ['ann', 'jon', 'nobody'].map(patient => ({
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'https://w3id.org/openmhealth', code: facts.heartRate }] },
      subject: { reference: `Patient/${patient}` },
    },
    request: { method: 'POST', url: 'Observation' },
  }))
  const statusesOf = ({ status, body }: { readonly status: number; readonly body: string }) => [
    status,
    ...((JSON.parse(body) as Bundle).entry ?? []).map(({ response }) => response?.status),
  ]
  for (const { name, token } of callers) {
    const call = world.call(token && (await world.token(token)))
    const bundle = (type: string) => ({ resourceType: 'Bundle', type, entry })
    const batch = await call('POST', '', bundle('batch'))
    t.same(statusesOf(await call('POST', '$submit-cgm-bundle', bundle('transaction'))), statusesOf(batch), name)
  }
})
