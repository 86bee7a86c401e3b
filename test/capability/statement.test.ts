import { readFileSync, writeFileSync } from 'node:fs'
import type { CapabilityStatement, CapabilityStatementRestResource as RestResource } from '@medplum/fhirtypes'
import t from 'tap'
import { toCapabilityStatement } from '../../src/capability/statement.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { checkProfiles } from '../../src/fhir/profile/profiles.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { servedFormats } from '../../src/http/fhir/media-type.ts'
import { interactions } from '../../src/interactions/interactions.ts'
import { operations } from '../../src/operations/operations.ts'

const registry = loadRegistry()
const served = {
  registry,
  interactions,
  operations,
  codeClasses: openCodeClasses(),
  formats: servedFormats,
  version: '0.1.0',
}
const statement = toCapabilityStatement(served, {
  base: 'http://localhost:8080/fhir',
  date: '2026-01-01T00:00:00Z',
  smart: { address: 'http://localhost:8080', isRegistrationOpen: true },
})
const golden = new URL('../../capability/statement.json', import.meta.url)

/** Everything that is the same for every type is written once, and the parameters of a type on one line, so that changes are readable. */
const reviewed = ({ rest: [rest] = [], ...head }: CapabilityStatement) => {
  const { resource: resources = [], ...server } = rest ?? {}
  const [shape] = resources.map(({ type: _, searchParam: __, operation: ___, ...same }) => same)
  return {
    ...head,
    rest: server,
    everyType: shape,
    beside: resources.flatMap(({ type, extension, supportedProfile, documentation }) =>
      documentation === undefined
        ? []
        : [
            {
              type,
              documentation,
              supportedData: extension?.map(({ valueCoding }) => valueCoding?.code),
              supportedProfile,
            },
          ],
    ),
    operation: Object.fromEntries(
      resources.map(({ type, operation = [] }) => [type, operation.map(({ name }) => `$${name}`).join(', ')]),
    ),
    searchInclude: byType(resources, ({ searchInclude = [] }) => searchInclude.join(', ')),
    searchRevInclude: byType(resources, ({ searchRevInclude = [] }) => `${searchRevInclude.length} links`),
    searchParam: byType(resources, ({ searchParam = [] }) =>
      searchParam.map(one => `${one.name} ${one.type}`).join(', '),
    ),
  }
}

const byType = (resources: readonly RestResource[], said: (resource: RestResource) => string) =>
  Object.fromEntries(resources.map(resource => [resource.type, said(resource)]))

t.test('the CapabilityStatement is the reviewed one (run this file with --update to review another)', async t => {
  const text = `${JSON.stringify(reviewed(statement), null, 2)}\n`
  if (process.argv.includes('--update')) writeFileSync(golden, text)
  t.equal(text, readFileSync(golden, 'utf8'))
})

t.test('every type is served alike', async t => {
  const shapes = statement.rest?.[0]?.resource?.map(
    ({
      type: _,
      searchParam: __,
      operation: ___,
      extension: ____,
      documentation: _____,
      supportedProfile: ________,
      conditionalRead: _________,
      ...rest
    }) => {
      const { searchInclude: ______, searchRevInclude: _______, ...same } = rest
      return JSON.stringify(same)
    },
  )
  t.equal(new Set(shapes).size, 1)
  t.equal(shapes?.length, registry.resourceTypes.length)
})

t.test('types that are served with more than their own version have no conditional read', async t => {
  const resources = statement.rest?.[0]?.resource ?? []
  t.same(
    resources.flatMap(({ type, conditionalRead }) => (conditionalRead === 'full-support' ? [] : [type])),
    ['Group', 'Provenance'],
  )
})

t.test('$validate can check every profile in the statement', async t => {
  const stated = statement.rest?.[0]?.resource?.flatMap(({ supportedProfile = [] }) => supportedProfile) ?? []
  t.ok(stated.length > 0)
  const issues = await checkProfiles(registry, { resourceType: 'Observation' }, stated, async () => undefined)
  t.same(
    issues.filter(({ code }) => code === 'not-found'),
    [],
  )
})

t.test('Subscriptions to topics are declared as their guide asks', t => {
  const guide = 'http://hl7.org/fhir/uv/subscriptions-backport'
  const subscription = statement.rest?.[0]?.resource?.find(({ type }) => type === 'Subscription')
  t.ok(statement.instantiates?.includes(`${guide}/CapabilityStatement/backport-subscription-server-r4`))
  t.match(subscription, {
    extension: [{ url: `${guide}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical` }],
    supportedProfile: [`${guide}/StructureDefinition/backport-subscription`],
  })
  t.end()
})

t.test('every parameter names its definition', async t => {
  const parameters = statement.rest?.[0]?.resource?.flatMap(({ searchParam = [] }) => searchParam) ?? []
  t.ok(parameters.length > 1000)
  t.same(
    parameters.filter(({ definition }) => !/^https?:\/\/.+\/SearchParameter\/.+/.test(definition ?? '')),
    [],
  )
})

t.test('heart rate is among the data that can be searched for', async t => {
  const observation = statement.rest?.[0]?.resource?.find(({ type }) => type === 'Observation')
  t.ok(observation?.extension?.some(({ valueCoding }) => valueCoding?.code === 'omh:heart-rate'))
})
