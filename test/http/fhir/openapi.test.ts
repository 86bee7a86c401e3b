import type { CapabilityStatement } from '@medplum/fhirtypes'
import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import type { Operation } from '../../../src/operations/operation.ts'
import { operations as operationTable } from '../../../src/operations/operations.ts'
import { fhirServer } from '../../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())

type Parameter =
  | { readonly name: string; readonly in: string; readonly description: string }
  | { readonly $ref: string }
type Documented = {
  readonly tags: readonly string[]
  readonly operationId: string
  readonly description: string
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly content: object }
}
type Document = {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>
  readonly components: { readonly parameters: Readonly<Record<string, Parameter>> }
}

const answer = await server.inject({ url: '/openapi.json' })
const document: Document = answer.json()
const operations = Object.values(document.paths).flatMap(methods => Object.values(methods))

t.test('the OpenAPI document is public, and small enough to browse', async t => {
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['content-type'], /^application\/json/)
  t.equal(document.openapi, '3.0.3')
  t.match(document.servers, [{ url: /\/fhir$/ }])
  t.ok(answer.body.length < 1_500_000, `${answer.body.length} bytes`)
})

t.test('each type has its search with every parameter of the CapabilityStatement, and its description', async t => {
  const registry = loadRegistry()
  for (const type of registry.resourceTypes) {
    const { parameters = [] } = document.paths[`/${type}`]?.get ?? {}
    const names = parameters.map(one => ('name' in one ? one.name : one.$ref.replace(/^.*\//, '')))
    const missing = registry.searchParametersOf(type).filter(({ code }) => !names.includes(code))
    if (missing.length > 0) t.fail(`${type}: ${missing.map(({ code }) => code).join()}`)
    const silent = parameters.filter(one => 'name' in one && one.description.length < 8)
    if (silent.length > 0) t.fail(`${type}: ${JSON.stringify(silent)}`)
  }
  const birthdate = document.paths['/Patient']?.get?.parameters.find(one => 'name' in one && one.name === 'birthdate')
  t.same(birthdate, {
    name: 'birthdate',
    in: 'query',
    description: "date. The patient's date of birth",
    schema: { type: 'string' },
  })
})

/** The parameters that stand in the URL behind the path. */
const namesAt = (path: string, method = 'get'): readonly string[] =>
  (document.paths[path]?.[method]?.parameters ?? [])
    .map(one => ('name' in one ? one : document.components.parameters[one.$ref.replace(/^.*\//, '')]))
    .flatMap(one => (one !== undefined && 'name' in one && one.in === 'query' ? one.name : []))
    .filter(name => name !== '_format' && name !== '_pretty')

t.test('what the CapabilityStatement says can be searched and called is there, and nothing else', async t => {
  const { rest } = (await server.inject({ url: '/fhir/metadata' })).json<CapabilityStatement>()
  const [{ resource: types = [], operation: ofAll = [], searchParam: common = [] } = {}] = rest ?? []
  t.ok(types.length > 100)
  const called = (names: readonly { readonly name?: string }[] = []) => names.map(({ name }) => `$${name}`)
  const missing = types.flatMap(({ type, searchParam = [], operation }) => {
    const listed = new Set(namesAt(`/${type}`))
    const paths = Object.keys(document.paths).filter(
      path => path.startsWith(`/${type}/`) || path.startsWith('/{type}/'),
    )
    return [
      ...searchParam.flatMap(({ name = '' }) => (listed.has(name) ? [] : [`${type}?${name}`])),
      ...called(operation).filter(name => !paths.some(path => path.endsWith(`/${name}`))),
    ]
  })
  t.same(missing, [])
  for (const { name = '' } of common) t.ok(namesAt('/').includes(name), name)
  for (const name of called(ofAll)) t.ok(document.paths[`/${name}`], name)
})

/** Where it is called, as the document has it and as a request has it. */
const placeOf = ({ name, at, types }: Operation) => {
  const [type = 'Patient'] = types === 'all' ? [] : types
  const listed = types === 'all' ? '{type}' : type
  if (at.type !== undefined) return { path: `/${listed}/$${name}`, url: `${type}/$${name}` }
  if (at.instance !== undefined) return { path: `/${listed}/{id}/$${name}`, url: `${type}/1/$${name}` }
  return { path: `/$${name}`, url: `$${name}` }
}

/** What it says that it has, when it is asked for something else. */
const saidBy = async (url: string): Promise<readonly string[]> => {
  const refused = await server.inject({
    method: 'POST',
    url: `/fhir/${url}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: { resourceType: 'Parameters', parameter: [{ name: 'no-such', valueString: 'x' }] },
  })
  const [, names = ''] = /(?:it has|there are|supported): ([^;]*)$/.exec(refused.json().issue[0].diagnostics) ?? []
  return names === '' ? [] : names.split(', ')
}

for (const operation of operationTable)
  t.test(`$${operation.name} of ${operation.types} lists what it takes, and no more`, async t => {
    const { primitives, complex = [], searches } = operation.takes()
    const { path, url } = placeOf(operation)
    const said = (await saidBy(url)).filter(name => name !== '_has' && !complex.includes(name))
    for (const method of operation.methods)
      t.same(namesAt(path, method.toLowerCase()), searches ? [...Object.keys(primitives), ...said] : said, method)
  })

t.test('histories, and reads of a part, have their parameters', async t => {
  for (const path of ['/_history', '/{type}/_history', '/{type}/{id}/_history'])
    t.same(namesAt(path), ['_count', '_since', '_at', '_summary', '_elements'])
  for (const path of ['/{type}/{id}', '/{type}/{id}/_history/{versionId}'])
    t.same(namesAt(path), ['_summary', '_elements'])
  t.ok(namesAt('/{compartment}/{id}/{type}').includes('_lastUpdated'))
  t.same(namesAt('/{type}/_search', 'post'), [], 'what is posted is in the body')
})

t.test('what a request may send is what is accepted', async t => {
  const sent = (path: string, method: string) => Object.keys(document.paths[path]?.[method]?.requestBody?.content ?? {})
  const resources = ['application/fhir+json', 'application/fhir+xml']
  t.same(sent('/{type}', 'post'), resources)
  t.same(sent('/{type}/{id}', 'patch'), ['application/json-patch+json', ...resources])
  t.same(sent('/{type}/_search', 'post'), ['application/x-www-form-urlencoded'])
  t.same(sent('/{type}', 'delete'), [])
})

t.test('every interaction and operation is listed once, and every reference resolves', async t => {
  t.ok(document.paths['/{type}/{id}']?.get && document.paths['/{type}/{id}']?.put && document.paths['/{type}']?.post)
  t.match(document.paths['/']?.post, { description: /transaction: / })
  t.ok(document.paths['/{type}/{id}/$meta']?.get)
  t.ok(document.paths['/Observation/$lastn']?.get)
  const ids = operations.map(({ operationId }) => operationId)
  t.equal(new Set(ids).size, ids.length)
  const references = new Set(
    operations.flatMap(({ parameters }) => parameters.flatMap(one => ('$ref' in one ? one.$ref : []))),
  )
  for (const one of references) {
    t.ok(document.components.parameters[one.replace('#/components/parameters/', '')], one)
  }
  const tags = document.tags.map(({ name }) => name)
  t.same(
    operations.flatMap(({ tags: own }) => own).filter(name => !tags.includes(name)),
    [],
  )
})

t.test('it can be browsed, with everything that the page needs coming from here', async t => {
  const page = await server.inject({ url: '/docs/' })
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-security-policy'], /^default-src 'none'; script-src 'self';/)
  const parts = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)
  t.ok(parts.length > 4)
  for (const url of parts) {
    t.match(url, /^\/[^/]/)
    t.equal((await server.inject({ url })).statusCode, 200, url)
  }
  t.same((await server.inject({ url: '/docs/json' })).json(), document)
})

t.test('the documents are made once, and not again for each request', async t => {
  const urls = ['/docs/yaml', '/docs/json', '/openapi.json', '/fhir/metadata?_format=xml', '/metadata?_pretty=true']
  const bodies = async () => Promise.all(urls.map(async url => (await server.inject({ url })).body))
  const first = await bodies()
  const { parse, stringify } = JSON
  t.teardown(() => Object.assign(JSON, { parse, stringify }))
  let made = 0
  JSON.parse = (text, reviver) => {
    if (text.length > 100_000) made += 1
    return parse(text, reviver)
  }
  JSON.stringify = (value: unknown, ...more: readonly never[]) => {
    const text = stringify(value, ...more)
    if (text?.length > 100_000) made += 1
    return text
  }
  const again = await bodies()
  Object.assign(JSON, { parse, stringify })
  t.equal(made, 0)
  t.ok(again.every((body, index) => body === first[index] && body.length > 100_000))
  const yaml = await server.inject({ url: '/docs/yaml' })
  t.same([yaml.headers['content-type'], yaml.json()], ['application/x-yaml', document])
})
