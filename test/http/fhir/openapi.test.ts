import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { fhirServer } from '../../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())

type Parameter =
  | { readonly name: string; readonly in: string; readonly description: string }
  | { readonly $ref: string }
type Operation = {
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
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
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
