import { randomUUID } from 'node:crypto'
import type { Observation, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, token } = world
t.teardown(() => server.close())

const lab = await world.institution('lab')
const kinds = ['omh:heart-rate', 'omh:body-temperature']
const study = await world.study(lab.manager, lab.organization, 'warm hearts', kinds)
const ann = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Ann')
const anns = await world.patientToken(ann, 'patient/*.cruds')

const send = (bearer: string, method: 'POST' | 'PUT' | 'PATCH', url: string, payload: object, headers = {}) =>
  server.inject({
    method,
    url: url.startsWith('/') ? url : `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json', ...headers },
    payload,
  })

/** How many rows each dictionary has. */
const dictionaries = () =>
  database.one<Record<string, number>>(sql.fragment`
    SELECT (SELECT count(*) FROM code_class)::integer AS codes, (SELECT count(*) FROM kind)::integer AS kinds,
      (SELECT count(*) FROM kind_member)::integer AS members, (SELECT count(*) FROM unit)::integer AS units,
      (SELECT count(*) FROM patient_compartment)::integer AS patients,
      (SELECT count(*) FROM device_source)::integer AS devices, (SELECT count(*) FROM code_duration)::integer AS durations`)

const coding = (system: string, code: string) => ({ coding: [{ system, code }] })
const ofKind = (kind: string) => coding(systems.omh, kind)
const fresh = () => coding('urn:example', randomUUID())

const observation = (given: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: fresh(),
  subject: { reference: `Patient/${ann}` },
  effectiveDateTime: '2026-11-01T08:00:00Z',
  valueQuantity: { value: 1, system: 'urn:example', code: randomUUID(), unit: 'x' },
  ...given,
})

const bundle = (type: 'batch' | 'transaction', ...resources: readonly Resource[]) => ({
  resourceType: 'Bundle',
  type,
  entry: resources.map(resource => ({ resource, request: { method: 'POST', url: resource.resourceType } })),
})

const document = (device?: object) => ({
  header: {
    id: randomUUID(),
    creation_date_time: '2026-11-01T08:00:00Z',
    schema_id: { namespace: 'example', name: `reading-${randomUUID()}`, version: '1.0' },
    ...device,
  },
  body: { effective_time_frame: { date_time: '2026-11-01T08:00:00Z' }, value: 1 },
})

t.test('a refused write leaves no entry in any dictionary', async t => {
  const own = await world.create(anns, observation({ code: ofKind(kinds[0] ?? '') }))
  const finalOnly = await world.patientToken(ann, 'patient/Observation.cruds?status=final')
  const refused: Readonly<Record<string, () => ReturnType<typeof send>>> = {
    'a create': () => send(anns, 'POST', 'Observation', observation()),
    'a create by a component': () =>
      send(anns, 'POST', 'Observation', {
        ...observation({ code: ofKind('omh:heart-rate') }),
        component: [
          { code: ofKind(`example:reading-${randomUUID()}`), valueQuantity: { value: 1, unit: randomUUID() } },
        ],
      }),
    'a create for somebody who is not there': () =>
      send(anns, 'POST', 'Observation', observation({ subject: { reference: `Patient/${randomUUID()}` } })),
    'a conditional create': () =>
      send(anns, 'POST', 'Observation', observation(), { 'if-none-exist': `code=${randomUUID()}` }),
    'a conditional update': () => send(anns, 'PUT', `Observation?code=${randomUUID()}`, observation()),
    'an update': () =>
      send(finalOnly, 'PUT', `Observation/${own.id}`, { ...observation({ status: 'amended' }), id: own.id }),
    'a patch': () =>
      send(
        finalOnly,
        'PATCH',
        `Observation/${own.id}`,
        [
          { op: 'replace', path: '/status', value: 'amended' },
          { op: 'replace', path: '/code', value: fresh() },
        ],
        { 'content-type': 'application/json-patch+json' },
      ),
    'a transaction': () => send(anns, 'POST', '', bundle('transaction', observation(), observation())),
    'a document': () => send(anns, 'POST', '/omh/v1/dataPoints', document(), { 'content-type': 'application/json' }),
    'a Patient': () => send(anns, 'POST', 'Patient', { resourceType: 'Patient' }),
    'another type': () =>
      send(anns, 'POST', 'Goal', {
        resourceType: 'Goal',
        lifecycleStatus: 'active',
        description: { text: 'x' },
        subject: { reference: `Patient/${randomUUID()}` },
        target: [{ measure: fresh(), detailQuantity: { value: 1, unit: randomUUID() } }],
      }),
  }
  for (const [what, act] of Object.entries(refused)) {
    const before = await dictionaries()
    const { statusCode, body } = await act()
    t.equal(statusCode, 403, `${what}: ${body.slice(0, 300)}`)
    t.strictSame(await dictionaries(), before, what)
  }
  const before = await dictionaries()
  const goals = [1, 2].map(() => ({
    resourceType: 'Goal' as const,
    lifecycleStatus: 'active' as const,
    description: { text: 'x' },
    subject: { reference: `Patient/${randomUUID()}` },
  }))
  const { body } = await send(anns, 'POST', '', bundle('batch', observation(), observation(), ...goals))
  t.match(
    JSON.parse(body).entry.map((one: { response: { status: string } }) => one.response.status),
    Array(4).fill(/^403/),
  )
  t.strictSame(await dictionaries(), before, 'a batch')
})

t.test('a value that the dictionaries do not know is written at once if a scope names it', async t => {
  const granted = async (scope: string) => {
    const client = randomUUID()
    await registerClient(database, { id: client, name: client, policies: [] })
    return token({ subject: { kind: 'client' }, client, scope, policies: ['everything'] })
  }
  const [code, patient] = [randomUUID(), randomUUID()]
  const ucum = (value: number, unit: string) => ({ valueQuantity: { value, system: systems.ucum, code: unit } })
  const table: Readonly<Record<string, readonly [scope: string, yes: Partial<Observation>, no: Partial<Observation>]>> =
    {
      'by its code': [`code=urn:example|${code}`, { code: coding('urn:example', code) }, {}],
      'by its code alone': [`code=bare-${code}`, { code: coding('urn:example', `bare-${code}`) }, {}],
      'by one of a component': [
        `component-code=urn:example|of-${code}`,
        { component: [{ code: coding('urn:example', `of-${code}`) }] },
        { component: [{ code: fresh() }] },
      ],
      'by its patient': [
        `patient=Patient/${patient}`,
        { subject: { reference: `Patient/${patient}` } },
        { subject: { reference: `Patient/${randomUUID()}` } },
      ],
      'by its unit': [`value-quantity=gt5|${systems.ucum}|mg/m3`, ucum(6, 'mg/m3'), ucum(4, 'ug/dm3')],
      'by what its unit converts to': [
        `value-quantity=gt5|${systems.ucum}|ug/m3`,
        ucum(1, 'mg/cm3'),
        ucum(1, 'ng/dm3'),
      ],
    }
  for (const [what, [scope, yes, no]] of Object.entries(table)) {
    const bearer = await granted(`system/Observation.cruds?${scope}`)
    const before = await dictionaries()
    const refused = await send(bearer, 'POST', 'Observation', observation(no))
    t.equal(refused.statusCode, 403, `${what}: another one`)
    t.strictSame(await dictionaries(), before, what)
    t.equal((await send(bearer, 'POST', 'Observation', observation(yes))).statusCode, 201, what)
    t.notSame(await dictionaries(), before, what)
  }
})

t.test('a new combination of kinds can be written only if each of them is permitted', async t => {
  const together = (...others: readonly string[]) =>
    observation({
      code: ofKind('omh:heart-rate'),
      component: others.map(kind => ({ code: ofKind(kind), valueString: 'x' })),
    })
  const before = await dictionaries()
  t.equal((await send(anns, 'POST', 'Observation', together('omh:body-weight'))).statusCode, 403)
  t.strictSame(await dictionaries(), before)
  t.equal((await send(anns, 'POST', 'Observation', together('omh:body-temperature'))).statusCode, 201)
  t.match(await dictionaries(), { kinds: (before.kinds ?? 0) + 1, members: (before.members ?? 0) + 2 })
})

t.test('many who need the same new code at once are all answered, and it gets one number', async t => {
  const code = randomUUID()
  const said = () =>
    observation({ code: { coding: [...ofKind('omh:heart-rate').coding, { system: 'urn:example', code }] } })
  const answers = await Promise.all(Array.from({ length: 12 }, () => send(anns, 'POST', 'Observation', said())))
  t.same(new Set(answers.map(({ statusCode }) => statusCode)), new Set([201]))
  const { count } = await database.one<{ count: number }>(sql.fragment`
    SELECT count(*)::integer AS count FROM code_class WHERE code = ${code}`)
  t.equal(count, 1)
  const found = await server.inject({
    url: `/fhir/Observation?code=urn:example|${code}&_summary=count`,
    headers: { authorization: `Bearer ${anns}` },
  })
  t.equal(found.json().total, 12)
})
