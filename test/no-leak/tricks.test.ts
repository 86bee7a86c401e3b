import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { consentDecision } from '../../src/access/vocabulary.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import type { TokenRequest } from '../../src/storage/authorization/token.ts'
import { heartRate, upload } from '../mhealth/upload.ts'
import * as w from '../storage/model/world.ts'
import { isOnTurn, nextOf } from '../support/turn.ts'
import { type CallerRow, callers, clients } from './callers.ts'
import * as facts from './facts.ts'
import { secretsOf } from './secrets.ts'
import { type Answer, type Call, consentOf, observationOf, openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
t.setTimeout(280_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })
const { everything } = world

const asked = async (request: Pick<TokenRequest, 'subject' | 'scope'> & Partial<TokenRequest>): Promise<Call> =>
  world.call(await world.token(request))
const staff = (id: string, scope = 'user/*.cruds') =>
  asked({ subject: { kind: 'user', person: `person-${id}` }, scope })
const patient = (id: string, scope = 'user/*.cruds user/Consent.cruds') =>
  asked({ subject: { kind: 'patient', patient: id }, scope })

const idsOf = ({ status, body }: Answer): readonly string[] => {
  if (status !== 200) throw new Error(`${status}: ${body}`)
  const { entry = [] }: { entry?: readonly { resource: { id: string } }[] } = JSON.parse(body)
  return entry.map(({ resource }) => resource.id).sort()
}

/**
 * What an answer says, whichever id was asked for, and whenever: with both ids removed from both answers that are compared, since some are ordinary
 * words. Two faults could not be told apart, and would show nothing.
 */
const told = ({ status, body, headers }: Answer, ...ids: readonly string[]) => {
  if (status >= 500) throw new Error(`${status}: ${body}`)
  const text = ids.reduce((rest, id) => rest.replaceAll(id, 'ID'), body)
  return { status, text: text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'NOW'), etag: headers.etag, allow: headers.allow }
}

const entriesOf = ({ body }: Answer): readonly { readonly resource: Resource }[] => JSON.parse(body).entry ?? []

const unknownId = 'nothing-of-the-kind'

const labels = {
  resourceType: 'Parameters',
  parameter: [{ name: 'meta', valueMeta: { tag: [{ system: 'urn:tags', code: 'x' }] } }],
}

/** Everything that can be asked about one id without a change if the id may not be seen. */
const questions = (type: string, id: string, body: Resource): readonly Parameters<Call>[] => [
  ['GET', `${type}/${id}`],
  ['GET', `${type}/${id}/_history`],
  ['GET', `${type}/${id}/_history/1`],
  ['GET', `${type}/${id}/_history/7`],
  ['GET', `${type}?_id=${id}`],
  ['PUT', `${type}/${id}`, { ...body, id }],
  ['PUT', `${type}/${id}`, { ...body, id }, { 'if-match': 'W/"1"' }],
  ['PUT', `${type}/${id}`, { ...body, id }, { 'if-match': '*' }],
  ['PUT', `${type}/${id}`, { ...body, id }, { 'if-unmodified-since': 'Thu, 01 Jan 2026 00:00:00 GMT' }],
  ['DELETE', `${type}/${id}`],
  ['DELETE', `${type}/${id}`, undefined, { 'if-none-match': '*' }],
  ['POST', `${type}/${id}/$meta-add`, labels],
  ['POST', `${type}/${id}/$meta-delete`, labels],
  ['DELETE', `${type}/${id}`, undefined, { 'if-match': 'W/"7"' }],
  ['GET', spelled(`${type}/${id}`)],
  ['GET', `${type}/${id}`, undefined, { 'if-none-match': '*' }],
  ['GET', `${type}/${id}/_history/1`, undefined, { 'if-none-match': 'W/"1"' }],
  ['PUT', `${type}/${id}`, { ...body, id }, { 'if-none-match': '*' }],
  ['PATCH', `${type}/${id}`, [{ op: 'test', path: '/id', value: id }]],
  ['PATCH', `${type}/${id}`, [{ op: 'test', path: '/id', value: 'x' }], { 'if-match': 'W/"7"' }],
  ['PUT', `${type}?_id=${id}`, { ...body, id }],
  ['PUT', `${type}?_id=${id}`, { ...body, id }, { 'if-match': 'W/"1"' }],
  ['PATCH', `${type}?_id=${id}`, [{ op: 'test', path: '/id', value: id }]],
  ['DELETE', `${type}?_id=${id}`],
  ['DELETE', `${type}?_id=${id}`, undefined, { prefer: 'return=OperationOutcome' }],
]

/** The same path, with everything percent-encoded that can be. */
const spelled = (path: string): string =>
  path.replace(/^[^?]+/, plain => plain.replace(/[^/]/g, one => `%${one.charCodeAt(0).toString(16)}`))

const curious = new Set([
  'no token',
  'researcher',
  'registrar',
  'keeper',
  'visitor',
  'neighbour',
  'bob',
  'client-submitting',
  'administrator',
])

const curiousCallers = callers.filter(({ name }) => curious.has(name))
if (curiousCallers.length !== curious.size) throw new Error('a caller is not known')

const contentOf = async (path: string): Promise<Resource> => JSON.parse((await everything('GET', path)).body)

t.test('a hidden resource and one that does not exist cannot be told apart', async t => {
  const byType = Map.groupBy(secretsOf(world), ({ type }) => type)
  // One resource of every third type. This file has its turn every second day, and so each type every sixth.
  const hiddenFrom = (caller: CallerRow, place: number) =>
    [...byType.values()].flatMap((ofType, type) => {
      if (!isOnTurn(place + type, 3)) return []
      const hidden = ofType.filter(one => !one.isReadBy(caller))
      return nextOf(hidden, 6) ?? []
    })
  for (const [place, caller] of curiousCallers.entries()) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    for (const { type, id } of hiddenFrom(caller, place)) {
      const content = await contentOf(`${type}/${id}`)
      const unknown = questions(type, unknownId, content)
      for (const [index, question] of questions(type, id, content).entries()) {
        const answers = [await call(...question), await call(...(unknown[index] ?? question))] as const
        t.strictSame(
          told(answers[0], id, unknownId),
          told(answers[1], id, unknownId),
          `${caller.name}: ${question.slice(0, 2).join(' ')}`,
        )
      }
    }
  }
})

t.test('a percent-encoded path opens no more than the plain one, nor less', async t => {
  const rows = [
    ['GET', 'Patient/ann'],
    ['GET', 'Patient/jon'],
    ['GET', 'Observation/ann-heart-0/_history/1'],
    ['GET', 'Observation/_history?_count=3'],
    ['POST', 'Observation/_search', '_count=3'],
    ['POST', 'Patient/ann/Observation/_search', '_count=3'],
    ['GET', 'Patient/ann/*?_type=Consent'],
    ['GET', 'Patient/ann/$everything?_count=3'],
    ['GET', 'Patient/jon/$everything'],
    ['GET', 'Patient/ann/$meta'],
    ['PATCH', 'Patient/jon', [{ op: 'test', path: '/id', value: 'jon' }]],
    ['GET', '$export'],
  ] as const
  const steady = ({ headers, ...answer }: Answer) =>
    told({ ...answer, headers, body: answer.body.replace(/_cursor=[^"]+/g, '_cursor') })
  const some = new Set(['no token', 'researcher', 'keeper', 'bob', 'client-of-lab'])
  const asking = callers.filter(({ name, lets }) => some.has(name) || lets?.actions === 'r')
  t.ok(asking.length > some.size, 'the named ones, and some by their scopes')
  for (const caller of asking) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    for (const [method, path, body] of rows)
      t.strictSame(
        steady(await call(method, spelled(path), body)),
        steady(await call(method, path, body)),
        `${caller.name}: ${method} ${path}`,
      )
  }
})

t.test('no link can be used to ask about what the caller may not see', async t => {
  const keeper = await staff('keeper')
  for (const query of [
    'Observation?subject:Patient.family=secret-hal',
    'ResearchSubject?individual:Patient.family=secret-hal',
    'Consent?patient:Patient.family=secret-hal',
    'ResearchSubject?individual:Patient._has:Observation:patient:code=omh:body-weight',
    'Device?_has:Observation:device:_id=ann-pressure',
    'Group?member:Patient.family=secret-hal',
    'Observation?_filter=subject:Patient.family sw secret-hal',
    'Observation?_filter=not (subject:Patient.family sw nobody) and subject:Patient[family sw secret-hal].gender pr false',
    'Consent?_filter=patient:Patient.family co hal',
    'Observation?patient._content=hal',
    'Patient?_content=hal',
    'Patient?_text=hal',
  ])
    t.strictSame(idsOf(await keeper('GET', query)), [], query)
  t.strictSame(
    idsOf(await keeper('GET', 'Observation?subject=Patient/hal')),
    ['hal-heart'],
    'the data itself is readable',
  )
  const researcher = await staff('researcher')
  const registered = 'Patient?_id=ann&_has:Observation:patient:'
  t.strictSame(idsOf(await researcher('GET', `${registered}code=omh:heart-rate`)), ['ann'])
  t.strictSame(idsOf(await researcher('GET', `${registered}code=omh:blood-pressure`)), [])
  t.strictSame(idsOf(await researcher('GET', 'Patient?_id=jon,hal&_has:Consent:patient:status=active')), [])
  t.strictSame(idsOf(await researcher('GET', 'Observation?derived-from:Observation.code=omh:blood-pressure')), [])
  const ann = await patient('ann', 'patient/*.rs')
  t.equal((await ann('GET', 'Patient?_has:Group:member:_id=group-open')).status, 403)
  t.equal((await ann('GET', 'Observation?_sort=subject.name')).status, 400)
  const own = idsOf(await ann('GET', 'Observation?_count=1000&subject:Patient.family=secret-ann'))
  t.ok(own.length > 0)
  for (const query of ['subject.family=secret-ann', '_filter=subject.family eq secret-ann'])
    t.strictSame(idsOf(await ann('GET', `Observation?_count=1000&${query}`)), own, `${query}: of types that are open`)
  const another = await patient('bob', 'patient/*.rs')
  t.strictSame(idsOf(await another('GET', 'Observation?subject.family=secret-ann')), [])
  for (const query of ['subject:Location.name=x', 'performer:Organization.name=x', 'subject.organization.name=x'])
    t.equal((await ann('GET', `Observation?${query}`)).status, 403, query)
})

t.test('somebody who manages a study from above learns of nobody in it, however they ask', async t => {
  const dean = await staff('dean')
  for (const query of [
    'Group?member=Patient/ann',
    'Group?member=ann',
    'Group?member=Patient/ann,bob,Device/nobody',
    'Group?member:missing=false',
    'Group?_filter=member pr true',
    'Group?_filter=member ne "Patient/ann"',
    'Group?member:Patient.family=secret-ann',
    'ResearchStudy?_has:ResearchSubject:study:individual=Patient/ann',
    'ResearchStudy?_has:ResearchSubject:study:status=on-study',
    'ResearchSubject?study=ResearchStudy/open',
    'ResearchSubject?study:ResearchStudy._id=open',
    'Consent?study=ResearchStudy/open',
    'Patient?_has:Group:member:_id=group-open',
    'Patient?_has:ResearchSubject:individual:study=ResearchStudy/open',
    'Observation?patient._has:Group:member:_id=group-open',
  ])
    t.strictSame(idsOf(await dean('GET', query)), [], query)
  for (const query of [
    'Group?_id=group-open&_include=Group:member',
    'ResearchStudy?_id=open&_revinclude=ResearchSubject:study&_revinclude=Consent:study',
    'ResearchStudy?_id=open&_revinclude=*',
  ])
    t.notMatch((await dean('GET', query)).body, /Patient\/|"(?:Patient|ResearchSubject|Consent)"/, query)
  for (const path of ['', '/_history/1', '/_history'])
    t.notMatch((await dean('GET', `Group/group-open${path}`)).body, /Patient\//, path)
  const withinStudy = world.call(
    await world.token({ subject: { kind: 'user', person: 'person-dean' }, scope: 'user/*.rs' }),
    '/FHIR/R5',
  )
  const byGroup = await withinStudy('GET', 'Observation?patient._has:Group:member:_id=group-open')
  t.same([byGroup.status, JSON.parse(byGroup.body).entry ?? []], [200, []])
})

t.test('a List shows its items only to those who may see both', async t => {
  const items = [
    'Patient/ann',
    'Patient/hal',
    'Observation/ann-heart-0',
    'Observation/hal-heart',
    'Observation/jon-heart',
  ]
  const entry = items.map(reference => ({ item: { reference } }))
  const list = { resourceType: 'List', status: 'current', mode: 'working', entry }
  t.equal((await everything('PUT', 'List/hidden', { ...list, id: 'hidden' })).status, 201)
  const registrar = await staff('registrar')
  for (const query of ['Patient?_list=ID', 'Observation?_list=ID&_total=accurate', 'Patient?_list=ID&_summary=count']) {
    const [hidden, unknown] = await Promise.all(
      ['hidden', unknownId].map(async id => told(await registrar('GET', query.replace('ID', id)), id)),
    )
    t.strictSame(hidden, unknown, query)
  }
  t.strictSame(idsOf(await registrar('GET', 'Patient?_list=hidden')), [])
  const made = await registrar('POST', 'List', list)
  t.equal(made.status, 201)
  const { id } = JSON.parse(made.body)
  for (const type of ['Patient', 'Observation']) {
    const visible = idsOf(await registrar('GET', `${type}?_count=1000`)).filter(one => items.includes(`${type}/${one}`))
    t.strictSame(idsOf(await registrar('GET', `${type}?_list=${id}`)), visible, type)
  }
  t.strictSame(idsOf(await registrar('GET', `Patient?_list=${id}&_id=ann,hal,jon`)).includes('ann'), true)
  const ann = await patient('ann', 'patient/*.rs')
  t.equal((await ann('GET', 'Observation?_list=hidden')).status, 403)
})

t.test('the compartment of somebody whom the caller may not see is like that of nobody', async t => {
  const queries = ['Observation?_total=accurate', 'Patient', '*?_type=Observation,Consent&_total=accurate']
  const count = { own: 0, hidden: 0 }
  const compare = async (who: string, call: Call, id: string) => {
    if ((await call('GET', `Patient/${id}`)).status === 200) {
      count.own += 1
      const own = await call('GET', `Observation?patient=${id}&_count=1000`)
      t.strictSame(idsOf(await call('GET', `Patient/${id}/Observation?_count=1000`)), idsOf(own), `${who}: ${id}`)
      return
    }
    count.hidden += 1
    for (const query of queries) {
      const [hidden, nobody] = [
        await call('GET', `Patient/${id}/${query}`),
        await call('GET', `Patient/${unknownId}/${query}`),
      ]
      t.strictSame(told(hidden, id), told(nobody, unknownId), `${who}: ${id} ${query}`)
    }
  }
  for (const caller of curiousCallers) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    for (const id of ['ann', 'hal', 'jon']) await compare(caller.name, call, id)
  }
  t.ok(count.own > 0 && count.hidden > 0, JSON.stringify(count))
})

t.test('a value set that the caller may not read is as unknown as one that does not exist', async t => {
  const url = 'http://hidden.example/ValueSet/weights'
  const valueSet = {
    resourceType: 'ValueSet',
    id: 'hidden-weights',
    status: 'active',
    url,
    compose: { include: [{ system: 'http://loinc.org', concept: [{ code: '29463-7' }] }] },
  } as const
  t.match((await everything('PUT', 'ValueSet/hidden-weights', valueSet)).status, /^20/)
  const researcher = await staff('researcher', 'user/Observation.rs')
  for (const [asked, unknown] of [
    [url, 'http://hidden.example/ValueSet/nothing'],
    ['ValueSet/hidden-weights', 'ValueSet/nothing'],
  ] as const) {
    const answers = [asked, unknown].map(one => researcher('GET', `Observation?code:in=${one}`))
    const [known, absent] = await Promise.all(answers)
    t.equal(known?.status, 400)
    t.equal(known?.body.replaceAll(asked, unknown), absent?.body)
  }
  const reader = await staff('researcher', 'user/Observation.rs user/ValueSet.rs')
  t.equal(
    (await reader('GET', `Observation?code:in=${url}`)).status,
    200,
    'somebody who may read it can search with it',
  )
  const elsewhere = await staff('researcher', 'user/ValueSet.rs?status=draft')
  for (const [asked, unknown] of [
    ['ValueSet/hidden-weights/$expand', 'ValueSet/nothing/$expand'],
    [
      'ValueSet/hidden-weights/$expand?activeOnly=true&includeDefinition=true',
      'ValueSet/nothing/$expand?activeOnly=true&includeDefinition=true',
    ],
    ['ValueSet/hidden-weights/$validate-code?code=x', 'ValueSet/nothing/$validate-code?code=x'],
    [`ValueSet/$expand?url=${url}`, 'ValueSet/$expand?url=http://hidden.example/ValueSet/nothing'],
  ] as const)
    t.strictSame(
      told(await elsewhere('GET', asked), 'hidden-weights', 'weights'),
      told(await elsewhere('GET', unknown), 'nothing', 'weights'),
      asked,
    )
  const scoped = await staff('researcher', `user/Observation.rs?code:in=${url} user/ValueSet.rs`)
  t.equal((await scoped('GET', 'Observation')).status, 403, 'a scope with a modifier gives nothing')
})

t.test('a hierarchy can be searched only if its type may be searched', async t => {
  const researcher = await staff('researcher', 'user/Patient.rs')
  t.equal((await researcher('GET', 'Patient?organization:below=Organization/clinic')).status, 403)
})

t.test('a source device that everybody may read does not tell whose data came from it', async t => {
  const ids = facts.observations.flatMap(({ id, source, device }) =>
    source !== undefined && device === source ? [id] : [],
  )
  for (const caller of callers.filter(({ name, token }) => token !== undefined && !name.includes('narrowed'))) {
    if (caller.lets !== undefined) continue
    const call = world.call(caller.token && (await world.token(caller.token)))
    const known = secretsOf(world).filter(({ type, id }) => type === 'Observation' && ids.includes(id))
    t.ok(known.length > 0)
    for (const secret of known) {
      const answer = await call('GET', `Device?_has:Observation:device:_id=${secret.id}`)
      const seen = answer.status === 200 && idsOf(answer).length === 1
      t.equal(seen, secret.isReadBy(caller), `${caller.name}: ${secret.id}`)
    }
  }
})

t.test('If-None-Exist does not find what is hidden', async t => {
  const registrar = await staff('registrar')
  const condition = { resourceType: 'Condition', subject: { reference: 'Patient/ann' } }
  const made = await registrar('POST', 'Condition', condition, { 'if-none-exist': '_id=ann-own' })
  t.equal(made.status, 201)
  const bob = await patient('bob')
  const observation = await contentOf('Observation/ann-heart-0')
  for (const id of ['ann-heart-0', unknownId])
    t.equal((await bob('POST', 'Observation', observation, { 'if-none-exist': `_id=${id}` })).status, 403, id)
})

t.test('a condition is a search, which a token without that scope may not do', async t => {
  const registrar = await staff('registrar', 'user/Condition.crud')
  const condition = { resourceType: 'Condition', subject: { reference: 'Patient/ann' } }
  for (const id of ['ann-own', unknownId])
    t.same(
      [
        await registrar('POST', 'Condition', condition, { 'if-none-exist': `_id=${id}` }),
        await registrar('PUT', `Condition?_id=${id}`, condition),
        await registrar('PATCH', `Condition?_id=${id}`, [], { 'content-type': 'application/json-patch+json' }),
        await registrar('DELETE', `Condition?_id=${id}`),
      ].map(({ status }) => status),
      [403, 403, 403, 403],
      id,
    )
})

t.test('a conditional reference to what is hidden is treated like one to nothing', async t => {
  const registrar = await staff('registrar')
  const refer = async (query: string) => {
    const resource = {
      resourceType: 'Condition',
      subject: { reference: 'Patient/ann' },
      asserter: { reference: query },
    }
    const entry = [{ resource, request: { method: 'POST', url: 'Condition' } }]
    return registrar('POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
  }
  const hidden = await refer('Patient?_id=jon')
  t.equal(hidden.status, 412)
  t.strictSame(told(hidden, 'jon'), told(await refer(`Patient?_id=${unknownId}`), unknownId))
  t.equal((await refer('Patient?_id=ann,jon')).status, 200, 'nor is it a second match')
})

t.test('a reference to what is hidden is accepted like one to nothing', async t => {
  const registrar = await staff('registrar')
  const refer = async (id: string) => {
    const resource = {
      resourceType: 'Condition',
      subject: { reference: 'Patient/ann' },
      evidence: [{ detail: [{ reference: `Observation/${id}` }] }],
    }
    const entry = [
      {
        fullUrl: 'urn:uuid:7f3c9e0a-53c4-4d2e-9a0c-3a7d0c7e5a11',
        resource,
        request: { method: 'POST', url: 'Condition' },
      },
    ]
    return Promise.all(
      ['batch', 'transaction'].map(async type => {
        const { status, body } = await registrar('POST', '', { resourceType: 'Bundle', type, entry })
        return [status, JSON.parse(body).entry[0].response.status]
      }),
    )
  }
  t.strictSame(await refer('jon-heart'), await refer(unknownId))
})

t.test('no $meta shows the labels of what is hidden', async t => {
  const secret = { system: 'urn:labels', code: 'only-on-hal' }
  const hal = await contentOf('Patient/hal')
  t.equal((await everything('PUT', 'Patient/hal', { ...hal, meta: { tag: [secret] } })).status, 200)
  const keeper = await staff('keeper')
  for (const path of ['$meta', 'Patient/$meta', 'Observation/$meta'])
    t.notMatch((await keeper('GET', path)).body, secret.code, path)
  for (const path of ['$meta', 'Patient/$meta', 'Patient/hal/$meta'])
    t.match((await everything('GET', path)).body, secret.code, path)
})

t.test('$everything has nothing that the caller may not search', async t => {
  let brought = 0
  for (const caller of curiousCallers) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const hidden = secretsOf(world).filter(one => !one.isReadBy(caller))
    for (const path of ['Patient/$everything', 'Patient/ann/$everything', 'Group/group-open/$everything']) {
      const answer = await call('GET', path)
      t.ok([200, 401, 403, 404].includes(answer.status), `${caller.name}: ${path} ${answer.status}`)
      const entry = answer.status === 200 ? entriesOf(answer) : []
      brought += entry.length
      const leaked = entry.filter(({ resource }) =>
        hidden.some(({ type, id }) => type === resource.resourceType && id === resource.id),
      )
      t.strictSame(leaked, [], `${caller.name}: ${path}`)
    }
  }
  t.ok(brought > 0, `${brought}`)
})

t.test('$everything names nobody whom the caller may not see', async t => {
  let asked = 0
  for (const caller of curiousCallers) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    for (const type of ['Patient', 'Group']) {
      const secret = secretsOf(world).find(one => one.type === type && !one.isReadBy(caller))
      if (secret === undefined) continue
      asked += 1
      const answers = [
        await call('GET', `${type}/${secret.id}/$everything`),
        await call('GET', `${type}/${unknownId}/$everything`),
      ] as const
      t.strictSame(
        told(answers[0], secret.id, unknownId),
        told(answers[1], secret.id, unknownId),
        `${caller.name}: ${type}`,
      )
    }
  }
  t.ok(asked > 0, `${asked}`)
})

t.test('$lastn and $stats know of no Observation that the caller may not search', async t => {
  const count = { latest: 0, refused: 0, counted: 0 }
  const statistics = (call: Call, code: string) =>
    call('GET', `Observation/$stats?subject=Patient/ann&code=${code}&statistic=count,total-count&include=true`)
  for (const caller of curiousCallers) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const visible = secretsOf(world).flatMap(one =>
      one.type === 'Observation' && one.isReadBy(caller) ? [one.id] : [],
    )
    const latest = await call('GET', 'Observation/$lastn?patient=Patient/ann,Patient/jon,Patient/hal&max=100')
    if (latest.status === 200) {
      const ids = idsOf(latest)
      count.latest += ids.length
      t.strictSame(
        ids.filter(id => !visible.includes(id)),
        [],
        caller.name,
      )
    } else t.ok([401, 403].includes(latest.status), `${caller.name}: ${latest.status}`)
    if (visible.some(id => id.startsWith('ann-'))) continue
    const [code, other] = ['omh:heart-rate', 'omh:nothing-of-the-kind']
    const [hidden, nothing] = [await statistics(call, code), await statistics(call, other)]
    count[hidden.status === 200 ? 'counted' : 'refused'] += 1
    t.strictSame(told(hidden, code), told(nothing, other), caller.name)
  }
  t.ok(count.latest > 0 && count.counted > 0, JSON.stringify(count))
})

t.test('$validate knows a stored profile only if its caller may search it', async t => {
  const url = 'urn:profile:stored'
  const stored = {
    resourceType: 'StructureDefinition',
    url,
    name: 'Stored',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type: 'Observation',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Observation',
    differential: { element: [{ id: 'Observation.note', path: 'Observation.note', min: 1 }] },
  }
  t.equal((await everything('POST', 'StructureDefinition', stored)).status, 201)
  const observation = await contentOf('Observation/ann-heart-0')
  const asks = async (scope: string, profile: string) =>
    told(await (await patient('ann', scope))('POST', `Observation/$validate?profile=${profile}`, observation), profile)
  t.match((await asks('user/Observation.c user/StructureDefinition.s', url)).text, /needs 1 of Observation.note/)
  t.strictSame(await asks('user/Observation.c', url), await asks('user/Observation.c', 'urn:profile:other'))
})

t.test('somebody who left a study is not a member of its Group, in whatever way one asks', async t => {
  const researcher = await staff('researcher')
  for (const [who, expected] of [
    ['ann', ['group-open']],
    ['fay', []],
  ] as const) {
    t.strictSame(idsOf(await researcher('GET', `Group?member=Patient/${who}`)), expected, who)
    t.strictSame(idsOf(await researcher('GET', `Group?member:Patient._id=${who}`)), expected, who)
    const found = idsOf(await researcher('GET', `Patient?_id=${who}&_has:Group:member:_id=group-open`))
    t.strictSame(found, expected.length === 0 ? [] : [who])
    const { body } = await researcher('GET', 'Group/group-open')
    t.equal(body.includes(`Patient/${who}"`), expected.length > 0)
  }
})

t.test('an upload does not reveal whether somebody else has made it', async t => {
  const ann = await patient('ann')
  const document = upload(heartRate())
  t.equal((await ann('POST', 'Observation', document)).status, 201)
  t.equal((await ann('POST', 'Observation', document)).status, 200)
  const other = upload({
    ...heartRate(),
    header: { ...heartRate().header, uuid: '11111111-5b7d-4c2a-9e8f-112233445566' },
  })
  for (const stranger of [
    await patient('bob'),
    await asked({ subject: { kind: 'client' }, client: 'of-elsewhere', scope: 'system/*.cruds' }),
  ]) {
    const [stored, fresh] = [
      await stranger('POST', 'Observation', document),
      await stranger('POST', 'Observation', other),
    ]
    t.equal(stored.status, 403)
    t.strictSame(told(stored), told(fresh))
  }
})

t.test('somebody who may upload but not read gets back what they sent, and changes nobody else’s', async t => {
  const ann = await patient('ann')
  const sent = upload(heartRate(), { device: undefined })
  const submitting = await asked({ subject: { kind: 'client' }, client: 'submitting', scope: 'system/Observation.c' })
  const found = JSON.parse((await ann('GET', 'Observation?code=omh:heart-rate&date=2026-03-01T06:30')).body)
  const own = found.entry.find((one: { resource: { extension?: unknown } }) => one.resource.extension).resource
  const noted = { ...own, note: [{ text: 'private' }] }
  t.equal((await ann('PUT', `Observation/${own.id}`, noted)).status, 200)
  const again = await submitting('POST', 'Observation', sent)
  t.equal(again.status, 200)
  t.notMatch(again.body, /private/)
  t.equal((await submitting('POST', 'Observation', upload(heartRate(90), { device: undefined }))).status, 403)
})

t.test('somebody who may change but not read learns nothing by changing', async t => {
  const ann = await patient('ann', 'patient/Observation.u patient/Observation.r?code=omh:body-weight')
  const test = [{ op: 'test', path: '/status', value: 'final' }]
  for (const [method, path] of [
    ['PATCH', 'Observation/ann-heart-0'],
    ['POST', 'Observation/ann-heart-0/$meta-add'],
    ['POST', 'Observation/ann-heart-0/$meta-delete'],
  ] as const) {
    const answer = await ann(method, path, method === 'PATCH' ? test : labels)
    t.equal(answer.status, 403, path)
    t.notMatch(answer.body, /heart-rate/, path)
  }
  const content = await contentOf('Observation/ann-heart-0')
  const changer = await asked({
    subject: { kind: 'client' },
    client: 'importer',
    policies: ['everything'],
    scope: 'system/Observation.cu',
  })
  const asNew = { 'if-none-match': '*' }
  t.equal((await changer('PUT', 'Observation/ann-heart-0', content, asNew)).status, 412, 'nor does it count as new')
})

t.test('an old version is judged by its own content, including its source and time', async t => {
  const measured = facts.observations.find(({ id }) => id === 'ann-heart-1')
  if (measured === undefined) throw new Error('there is no such reading')
  const hiddenWays: readonly Partial<facts.Measured>[] = [
    { derivedFrom: ['ann-pressure'] },
    { derivedFrom: [unknownId] },
    { kinds: [facts.heartRate, facts.pressure] },
    { spelled: ['https://w3id.org/openmhealth', facts.pressure] },
    { days: ['2026-01-01', '2026-01-01'] },
    { days: undefined },
  ]
  const path = 'Observation/ann-heart-1'
  for (const way of hiddenWays) {
    t.equal((await everything('PUT', path, observationOf({ ...measured, ...way }))).status, 200)
    const researcher = await staff('researcher')
    t.equal((await researcher('GET', path)).status, 404)
    t.equal((await researcher('GET', `${path}/_history`)).status, 404)
    t.equal((await researcher('GET', `${path}/_history/1`)).status, 404)
  }
  t.equal((await everything('PUT', path, observationOf(measured))).status, 200)
  const researcher = await staff('researcher')
  const versions = JSON.parse((await researcher('GET', `${path}/_history`)).body)
  t.strictSame(
    [versions.total, ...versions.entry.map((one: { resource: Resource }) => one.resource.meta?.versionId)],
    [2, String(hiddenWays.length + 2), '1'],
  )
  for (const index of hiddenWays.keys()) t.equal((await researcher('GET', `${path}/_history/${index + 2}`)).status, 404)
})

t.test('whoever comes into what is about several patients sees no version from before', async t => {
  const appointment = (...patients: readonly string[]) => ({
    resourceType: 'Appointment',
    id: 'in-turn',
    status: 'proposed',
    participant: patients.map(patient => ({ actor: { reference: `Patient/${patient}` }, status: 'accepted' })),
  })
  for (const other of ['bob', 'hal'])
    t.match(await everything('PUT', 'Appointment/in-turn', appointment('ann', other)), { status: /20[01]/ })
  const seen = async (name: string) => {
    const { body } = await (await patient(name))('GET', 'Appointment/in-turn/_history')
    const { entry = [] } = JSON.parse(body)
    return entry.map((one: { resource: Resource }) => one.resource.meta?.versionId)
  }
  t.strictSame([await seen('ann'), await seen('hal'), await seen('bob')], [['2', '1'], ['2'], []])
})

t.test('naming a Group in a study of one’s own gives no right to it', async t => {
  await everything('PUT', 'Group/unpaired', { ...w.groupOf('x', 'lab'), id: 'unpaired' })
  const visitor = await staff('visitor')
  const name = (group: string) =>
    visitor('POST', 'ResearchStudy', {
      resourceType: 'ResearchStudy',
      status: 'active',
      sponsor: { reference: 'Organization/elsewhere' },
      enrollment: [{ reference: `Group/${group}` }],
    })
  for (const group of ['unpaired', 'group-open', unknownId]) {
    const made = await name(group)
    t.equal(made.status, 201, group)
    if (group !== unknownId) t.equal((await visitor('GET', `Group/${group}`)).status, 404, group)
    t.equal((await visitor('DELETE', `ResearchStudy/${JSON.parse(made.body).id}`)).status, 204, group)
  }
  t.equal((await everything('GET', 'Group/unpaired')).status, 200, 'nor does it go with that study')
})

t.test('a consent to a study without an invitation does not reveal whether the study exists', async t => {
  const ann = await patient('ann')
  const give = async (study: string) => {
    const consent = consentOf({
      patient: 'ann',
      to: `ResearchStudy/${study}`,
      status: 'active',
      permits: [{ kind: facts.heartRate }],
    })
    return told(await ann('POST', 'Consent', consent), study)
  }
  const refused = await give('foreign')
  t.equal(refused.status, 403)
  t.strictSame(refused, await give(unknownId))
})

t.test('Provenance is shown as far as the scopes reach its target', async t => {
  const seen = async (scope: string) =>
    (await staff('researcher', scope))('GET', 'Provenance?_id=of-shown,of-hidden,of-both')
  t.equal((await seen('user/Provenance.rs')).status, 403)
  t.strictSame(idsOf(await seen('user/Provenance.rs user/Observation.rs?code=omh:body-weight')), [])
  t.strictSame(idsOf(await seen('user/Provenance.rs user/Observation.rs?code=omh:heart-rate')), ['of-shown'])
})

t.test('only the server records what was decided about a Consent', async t => {
  const record = (system: string): Resource => ({
    resourceType: 'Provenance',
    target: [{ reference: 'Consent/consent-open-ann' }],
    recorded: '2026-03-01T00:00:00Z',
    activity: { coding: [{ code: 'noted' }, { system, code: 'signed' }] },
    agent: [{ who: { reference: 'Patient/ann' } }],
  })
  for (const call of [await staff('registrar'), await patient('ann')]) {
    const forged = await call('POST', 'Provenance', record(consentDecision))
    t.equal(forged.status, 403)
    t.match(forged.body, /the server alone records what was decided/)
    t.equal((await call('POST', 'Provenance', record('urn:other'))).status, 201)
  }
})

t.test('a Binary is shown as far as the scopes reach its security context, now and in old versions', async t => {
  const seen = async (scope: string) =>
    (await staff('researcher', scope))('GET', 'Binary?_id=in-context,in-hidden-context')
  t.equal((await seen('user/Patient.rs')).status, 403)
  t.strictSame(idsOf(await seen('user/Binary.rs')), [])
  t.strictSame(idsOf(await seen('user/Binary.rs user/Patient.rs')), ['in-context'])
  const naming = ['in-context', 'in-hidden-context', 'in-foreign-context', 'in-no-known-context']
  const document = {
    resourceType: 'DocumentReference',
    id: 'naming',
    status: 'current',
    subject: { reference: 'Patient/ann' },
    content: naming.map(id => ({ attachment: { url: `Binary/${id}` } })),
  }
  t.match((await everything('PUT', 'DocumentReference/naming', document)).status, /20[01]/)
  const withDocument = async (call: Call) =>
    idsOf(await call('GET', 'Patient/ann/$everything?_type=DocumentReference,Binary')).filter(id => naming.includes(id))
  t.strictSame((await withDocument(everything)).toSorted(), naming.toSorted())
  t.strictSame(await withDocument(await patient('ann', 'patient/DocumentReference.rs patient/Patient.rs')), [])
  t.strictSame(
    (await withDocument(await patient('ann', 'patient/*.rs patient/Binary.rs'))).toSorted(),
    ['in-context', 'in-hidden-context'],
    'nothing of anybody else, whatever a document names',
  )
  t.equal((await everything('DELETE', 'DocumentReference/naming')).status, 204)
  const moved = (context: string) => ({
    resourceType: 'Binary',
    id: 'moved',
    contentType: 'text/plain',
    securityContext: { reference: context },
    data: 'eA==',
  })
  for (const context of ['Observation/ann-pressure', 'Patient/ann', 'Patient/jon'])
    t.match((await everything('PUT', 'Binary/moved', moved(context))).status, /20[01]/)
  const researcher = await staff('researcher')
  for (const version of ['', '/_history', '/_history/1', '/_history/2'])
    t.equal((await researcher('GET', `Binary/moved${version}`)).status, 404, `the current row hides ${version}`)
  t.equal((await everything('PUT', 'Binary/moved', moved('Patient/ann'))).status, 200)
  t.equal((await researcher('GET', 'Binary/moved/_history/2')).status, 200)
  for (const version of [1, 3]) t.equal((await researcher('GET', `Binary/moved/_history/${version}`)).status, 404)
  t.equal(JSON.parse((await researcher('GET', 'Binary/moved/_history')).body).total, 2)
  t.equal((await everything('DELETE', 'Binary/moved')).status, 204)
})

t.test('an older version of a Group names nobody whom the caller may not read', async t => {
  for (const study of ['open', 'coded'])
    t.equal(
      (await everything('PUT', `Group/group-${study}`, { ...w.groupOf(study, 'lab'), name: 'later' } as Resource))
        .status,
      200,
    )
  const named = async (caller: string, study: string) => {
    const { status, body } = await (await staff(caller))('GET', `Group/group-${study}/_history/1`)
    t.equal(status, 200, `${caller}: ${study}`)
    return JSON.parse(body).member?.map((one: { entity: { reference: string } }) => one.entity.reference)
  }
  t.same(await named('keeper', 'coded'), undefined, 'staff of a coded study read no Patient')
  t.strictSame(await named('collaborator', 'open'), ['Patient/ann', 'Patient/lou', 'Patient/pat'], 'who accepted')
  t.equal((await (await staff('visitor'))('GET', 'Group/group-open/_history/1')).status, 404)
})

t.test('a person who is no longer staff is not the patient for whom they were launched', async t => {
  await everything('PUT', 'Person/person-leaving', { resourceType: 'Person', id: 'person-leaving' })
  const leaving = await asked({
    subject: { kind: 'user', person: 'person-leaving', launchPatient: 'ann' },
    scope: 'patient/*.cruds user/*.cruds openid fhirUser',
  })
  for (const path of ['Patient/ann', 'Observation/ann-heart-0'])
    t.match((await leaving('GET', path)).status, /403|404/, path)
})

t.test('a cursor is checked anew: it shows nothing that was withdrawn since, and nobody else can use it', async t => {
  const query = 'Observation?patient=ann&code=omh:heart-rate&_count=2'
  const researcher = await staff('researcher')
  const first = await researcher('GET', query)
  const { link } = JSON.parse(first.body) as { link: readonly { relation: string; url: string }[] }
  const next = link.find(({ relation }) => relation === 'next')?.url.replace(/^.*\/fhir\//, '') ?? ''
  t.equal(idsOf(first).length, 2)
  t.equal(idsOf(await researcher('GET', next)).length, 2)
  for (const other of [
    await staff('registrar'),
    await staff('researcher', 'user/Observation.rs?code=omh:body-weight'),
    everything,
  ])
    t.equal((await other('GET', next)).status, 400)
  t.equal((await researcher('GET', next.replace('Observation', 'Condition'))).status, 400)
  const [given] = facts.consents
  if (given === undefined) throw new Error('there is no consent')
  t.equal(
    (await everything('PUT', 'Consent/consent-open-ann', consentOf({ ...given, status: 'inactive' }))).status,
    200,
  )
  t.strictSame(idsOf(await researcher('GET', next)), [])
  t.strictSame(idsOf(await researcher('GET', 'Observation?patient=ann')), [])
  t.equal((await researcher('GET', 'Observation/ann-heart-0')).status, 404)
})

t.test('only administrators are told how a search is answered, and nothing of what they may not see', async t => {
  for (const { name, token } of callers.filter(({ token }) => token !== undefined)) {
    const call = world.call(token && (await world.token(token)))
    const [explained, nonsense] = [
      await call('GET', 'Device?_explain=true'),
      await call('GET', 'Device?_nonsense=true'),
    ]
    if (token?.subject.kind === 'administrator') {
      t.equal(explained.status, 200, name)
      for (const question of ['_id=ID', '_id=ID&_total=accurate', '_has:Observation:device:_id=ID']) {
        const plan = async (id: string) => {
          const { status, body } = await call('GET', `Device?${question.replace('ID', id)}&_explain=analyze`)
          return { status, body: body.replaceAll(id, 'ID').replace(/Time\\":[\d.]+/g, 'Time') }
        }
        t.same(await plan('ann-heart-0'), await plan(unknownId), question)
      }
    } else
      t.same({ ...told(explained), text: explained.body.replaceAll('_explain', '_nonsense') }, told(nonsense), name)
  }
})

t.test('a token that was revoked, has expired or never existed opens nothing', async t => {
  const expired = await asked({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/*.rs', ttlSeconds: -1 })
  for (const call of [expired, world.call('x'.repeat(43)), world.call(undefined)])
    t.equal((await call('GET', 'Observation')).status, 401)
})
