import type { CapabilityStatement, CapabilityStatementRestResource, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import type { SearchParameter } from '../src/fhir/definition/search-parameter.ts'
import { loadRegistry } from '../src/fhir/registry.ts'
import { fhirServer } from './support/fhir-server.ts'
import { minimalResource } from './support/minimal-resource.ts'
import { todays } from './support/turn.ts'

const server = await fhirServer()
t.teardown(() => server.close())
// Some thousand requests.
t.setTimeout(240_000)
const registry = loadRegistry()
const statement: CapabilityStatement = (await server.inject({ url: '/fhir/metadata' })).json()
const [rest] = statement.rest ?? []
const resources = rest?.resource ?? []
/** Every third type is tried completely, and the others on the next two days. */
const tried = todays(resources, 3)

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
const call = async (method: Method, url: string, body?: object | string, more: Record<string, string> = {}) => {
  const type = typeof body === 'string' ? 'application/x-www-form-urlencoded' : 'application/fhir+json'
  const { statusCode, body: text } = await server.inject({
    method,
    url: `/fhir/${url}`,
    headers: {
      authorization: 'Bearer everything',
      accept: 'application/fhir+json',
      ...(body === undefined ? {} : { 'content-type': type }),
      ...more,
    },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: statusCode, answer: text === '' ? {} : JSON.parse(text) }
}

/** Each interaction that a type may advertise: how to call it on a resource of its own, and the expected status. */
const calls: Readonly<Record<string, (type: ResourceType, id: string) => Promise<readonly [number, number]>>> = {
  create: async type => [(await call('POST', type, minimalResource(registry, type))).status, 201],
  read: async (type, id) => [(await call('GET', `${type}/${id}`)).status, 200],
  vread: async (type, id) => [(await call('GET', `${type}/${id}/_history/1`)).status, 200],
  'history-instance': async (type, id) => [(await call('GET', `${type}/${id}/_history`)).status, 200],
  'history-type': async (type, id) => {
    const { status, answer } = await call('GET', `${type}/_history?_count=1`)
    return [answer.entry?.[0]?.resource?.id === id ? status : 0, 200]
  },
  update: async (type, id) => [
    (await call('PUT', `${type}/${id}`, { ...minimalResource(registry, type), id })).status,
    200,
  ],
  'search-type': async type => {
    const posted = await call('POST', `${type}/_search`, '_count=1')
    return [(await call('GET', `${type}?_count=1`)).status, posted.status]
  },
  patch: async (type, id) => {
    const keep = [{ op: 'test', path: '/id', value: id }]
    const patched = await call('PATCH', `${type}/${id}`, keep)
    const matched = await call('PATCH', `${type}?_id=${id}`, keep)
    return [patched.status, matched.status]
  },
  delete: async (type, id) => [(await call('DELETE', `${type}/${id}`)).status, 204],
}

t.test('every interaction that a type advertises answers', async t => {
  const failures = []
  for (const { type, interaction = [] } of tried) {
    const { status, answer } = await call('POST', type, minimalResource(registry, type as ResourceType))
    if (status !== 201) failures.push([type, status, JSON.stringify(answer)])
    const last = interaction.filter(({ code }) => code === 'delete')
    for (const { code } of [...interaction.filter(({ code }) => code !== 'delete'), ...last]) {
      const [actual, expected] = (await calls[code ?? '']?.(type as ResourceType, answer.id)) ?? [0, 200]
      if (actual !== expected) failures.push([type, code, actual])
    }
  }
  t.same(failures, [])
})

t.test('every search parameter that a type advertises answers', async t => {
  const failures = []
  for (const { type, searchParam = [] } of tried) {
    for (const { name = '' } of searchParam) {
      const parameter = registry.searchParameter(type as ResourceType, name)
      const value = encodeURIComponent(parameter === undefined ? '' : sampleOf(parameter))
      const { status, answer } = await call('GET', `${type}?${name}=${value}&_count=1`)
      if (status !== 200) failures.push([type, name, value, status, answer.issue?.[0].diagnostics])
    }
  }
  t.same(failures, [])
})

t.test('every search parameter that is stated for all types answers', async t => {
  const values: Readonly<Record<string, string>> = { _filter: '_id eq x', _list: 'x' }
  for (const { name = '' } of rest?.searchParam ?? [])
    for (const type of ['Patient', 'Observation', 'Binary'])
      t.match(await call('GET', `${type}?${name}=${encodeURIComponent(values[name] ?? '')}`), { status: 200 }, name)
})

t.test('every include that a type advertises answers', async t => {
  const failures = []
  for (const { type, searchInclude = [], searchRevInclude = [] } of tried) {
    for (const [name, values] of [['_include', searchInclude] as const, ['_revinclude', searchRevInclude] as const]) {
      const { status, answer } = await call('GET', `${type}?_count=1&${values.map(one => `${name}=${one}`).join('&')}`)
      if (status !== 200) failures.push([type, name, status, answer.issue?.[0].diagnostics])
    }
  }
  t.same(failures, [])
})

const samples = {
  token: () => 'x',
  string: () => 'x',
  uri: () => 'http://x.example',
  date: () => '2026',
  number: () => '1',
  quantity: () => '1',
  special: () => '48.2|16.4',
  reference: ({ targets }: SearchParameter) => `${targets[0] ?? 'Patient'}/x`,
  composite: ({ components }: SearchParameter): string => components.map(sampleOf).join('$'),
}
const sampleOf = (parameter: SearchParameter): string => samples[parameter.type](parameter)

t.test('every advertised compartment can be searched', async t => {
  t.equal(rest?.compartment?.length, 5)
  for (const url of rest?.compartment ?? []) {
    const name = url.slice(url.lastIndexOf('/') + 1)
    const path = `${name[0]?.toUpperCase()}${name.slice(1)}/1`
    t.equal((await call('GET', `${path}/Observation`)).status, 200, url)
    t.equal((await call('GET', `${path}/*`)).status, 200, url)
    t.equal((await call('POST', `${path}/_search`, '_count=1')).status, 200, url)
  }
})

t.test('advertised system interactions answer', async t => {
  t.same(
    rest?.interaction?.map(({ code }) => code),
    ['history-system', 'search-system', 'batch', 'transaction'],
  )
  t.match(await call('GET', '_history?_count=1'), { status: 200, answer: { type: 'history' } })
  for (const type of ['batch', 'transaction']) {
    t.match(await call('POST', '', { resourceType: 'Bundle', type }), {
      status: 200,
      answer: { type: `${type}-response` },
    })
  }
})

const labels = {
  resourceType: 'Parameters',
  parameter: [{ name: 'meta', valueMeta: { tag: [{ system: 'urn:tags', code: 'x' }] } }],
}

/** How each advertised operation is called; a missing entry fails the test. */
const operationCalls: Readonly<Record<string, (path: string, id: string) => Promise<readonly number[]>>> = {
  everything: async (path, id) => {
    const paths =
      path === 'Patient' ? ['Patient/$everything', `Patient/${id}/$everything`] : [`${path}/${id}/$everything`]
    return Promise.all(paths.map(async one => (await call('GET', one)).status))
  },
  lastn: async path => [(await call('GET', `${path}/$lastn?patient=Patient/x`)).status],
  stats: async path => [(await call('GET', `${path}/$stats?subject=Patient/x&code=x&statistic=count`)).status],
  completeness: async path => [
    (await call('GET', `${path}/$completeness?subject=Patient/x&start=2026-01-01&end=2026-01-02`)).status,
  ],
  series: async path => [(await call('GET', `${path}/$series?subject=Patient/x&code=x&start=2026&unit=kg`)).status],
  'glucose-profile': async path => [(await call('GET', `${path}/$glucose-profile?subject=x&start=2026`)).status],
  points: async (path, id) => [(await call('GET', `${path}/${id}/$points`)).status],
  'cgm-summary': async path => [
    (await call('GET', `${path}/$cgm-summary?subject=x&start=2026-01-01&end=2026-01-02`)).status,
  ],
  'daily-summary': async path => [
    (await call('GET', `${path}/$daily-summary?subject=x&start=2026-01-01&end=2026-01-02`)).status,
  ],
  'submit-cgm-bundle': async () => [
    (await call('POST', '$submit-cgm-bundle', { resourceType: 'Bundle', type: 'transaction' })).status,
  ],
  validate: async (path, id) => {
    const resource = minimalResource(registry, path as ResourceType)
    const answers = [await call('POST', `${path}/$validate`, resource), await call('GET', `${path}/${id}/$validate`)]
    return answers.map(({ status }) => status)
  },
  expand: async path => [(await call('GET', `${path}/$expand?url=http://hl7.org/fhir/ValueSet/name-use`)).status],
  'validate-code': async path => {
    const url = path === 'ValueSet' ? 'http://hl7.org/fhir/ValueSet/name-use' : 'http://hl7.org/fhir/name-use'
    return [(await call('GET', `${path}/$validate-code?url=${url}&code=usual`)).status]
  },
  status: async (path, id) => {
    const paths = [`${path}/$status`, `${path}/${id}/$status`]
    return Promise.all(paths.map(async one => (await call('GET', one)).status))
  },
  events: async (path, id) => [(await call('GET', `${path}/${id}/$events`)).status],
  // An imported Subscription is off, so nothing is bound.
  'get-ws-binding-token': async (path, id) => {
    const { status, answer } = await call('GET', `${path}/${id}/$get-ws-binding-token`)
    return [status === 422 && answer.issue[0].code === 'business-rule' ? 200 : status]
  },
  'meta-add': async (path, id) => [(await call('POST', `${path}/${id}/$meta-add`, labels)).status],
  'meta-delete': async (path, id) => [(await call('POST', `${path}/${id}/$meta-delete`, labels)).status],
  meta: async (path, id) => {
    const paths = path === '' ? ['$meta'] : [`${path}/$meta`, `${path}/${id}/$meta`]
    return Promise.all(paths.map(async one => (await call('GET', one)).status))
  },
}

t.test('every advertised operation answers', async t => {
  const failures = []
  for (const { type, operation = [] } of [{ type: '', operation: rest?.operation }, ...tried]) {
    const { answer } =
      type === '' ? { answer: {} } : await call('POST', type, minimalResource(registry, type as ResourceType))
    for (const { name } of operation) {
      const statuses = (await operationCalls[name ?? '']?.(type ?? '', answer.id)) ?? [0]
      if (statuses.some(status => status !== 200)) failures.push([type, name, statuses])
    }
  }
  t.same(failures, [])
})

t.test('nothing answers that is not advertised', async t => {
  const refusals: readonly (readonly [Method, string, readonly number[]])[] = [
    ...['$export', '$process-message', '$convert', '$graphql', '$versions'].map(name => ['GET', name, [404]] as const),
    ...tried.flatMap(({ type }): (readonly [Method, string, readonly number[]])[] => [
      ['POST', `${type}/1`, [405]],
      ['DELETE', `${type}/1/_history`, [405]],
      ['DELETE', `${type}/1/_history/1`, [405]],
      ['GET', `${type}/1/SubscriptionStatus`, [404]],
      ['GET', `${type}?_include=nonsense`, [400]],
      ['GET', `${type}?_include=${type}:nonsense`, [400]],
      ['GET', `${type}?_revinclude=${type}`, [400]],
      ['GET', `${type}?_contained=true`, [400]],
      ['GET', `${type}?nonsense=x`, [400]],
    ]),
    ['GET', 'SubscriptionStatus/1', [404]],
    ['GET', 'patient/1', [404]],
  ]
  const failures = []
  for (const [method, url, expected] of refusals) {
    const { status, answer } = await call(method, url)
    if (!expected.includes(status) || answer.resourceType !== 'OperationOutcome') failures.push([method, url, status])
  }
  t.same(failures, [])
})

t.test('what is stated for every type holds', async t => {
  const flags = (resource: CapabilityStatementRestResource) => [
    resource.versioning,
    resource.readHistory,
    resource.conditionalCreate,
    resource.conditionalUpdate,
    resource.conditionalDelete,
  ]
  t.same([...new Set(resources.map(resource => flags(resource).join()))], ['versioned,true,true,true,multiple'])
})

t.test('what is stated of conditional interactions holds for every type', async t => {
  const failures = []
  for (const { type, conditionalRead } of tried) {
    const resource = minimalResource(registry, type as ResourceType)
    const { answer } = await call('POST', type, resource)
    const path = `${type}?_id=${answer.id}`
    const read = await call('GET', `${type}/${answer.id}`, undefined, { 'if-none-match': 'W/"1"' })
    const statuses = [read.status, (await call('PUT', path, resource)).status, (await call('DELETE', path)).status]
    if (statuses.join() !== `${conditionalRead === 'full-support' ? 304 : 200},200,204`)
      failures.push([type, ...statuses])
  }
  t.same(failures, [])
})
