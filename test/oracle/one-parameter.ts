import t from 'tap'
import { unsupportedParameters } from '../../src/fhir/definition/registry-search-parameters.ts'
import { resourceTypes } from '../../src/fhir/definition/resource-type.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { modifiersOf } from '../../src/search/modifier.ts'
import { openAnswers } from './answers/opening.ts'
import { ask, queryOf } from './asking.ts'
import { compareAll } from './asking-all.ts'
import { openComparison } from './comparing.ts'
import type { Definition } from './definitions.ts'
import { derive } from './derive/derive.ts'
import { knownInvalid } from './known-invalid.ts'
import { escapedText, split } from './match/escape.ts'
import { valuesFor } from './match/matches.ts'
import { prefixes, splitPrefix } from './match/prefix.ts'
import { takesPipe, tokensOf } from './match/token.ts'
import { openRandom, seedOf, timesOf } from './random.ts'
import type { Criterion } from './select.ts'

/**
 * Searches by every parameter of every type, over the published examples of R4, compared with an answer that owes nothing to the server: the
 * published FHIRPath expressions, evaluated, and the matching rules of the specification in plain JavaScript.
 */
const seed = seedOf()
const { server, world, refused, supported } = await openAnswers()

/** Values to search for, by one parameter. */
const searches = timesOf()
/** Few parameters are numbers or quantities, so these have to do for all prefixes. */
const searchesBy: Readonly<Partial<Record<Definition['type'], number>>> = {
  number: 15 * timesOf(),
  quantity: 2 * timesOf(),
}

t.test('the examples are stored, except those that are known to be invalid', async t => {
  t.same(Object.keys(refused).sort(), Object.keys(knownInvalid))
  for (const [key, reason] of Object.entries(knownInvalid)) t.match(refused[key], reason, key)
})

t.test('a search by any one parameter finds what the specification says', async t => {
  const parameters = resourceTypes.flatMap(type =>
    world.parametersOf(type).flatMap(definition => (supported(type, definition.code) ? [{ type, definition }] : [])),
  )
  const questions = parameters.flatMap(({ type, definition }) => {
    const random = openRandom(seed, `${type} ${definition.code}`)
    const count = searchesBy[definition.type] ?? searches
    return derive(world, type, definition, random, count).map(criterion => ({
      type,
      definition,
      criteria: [criterion],
    }))
  })
  const found = new Set<string>()
  const compare = openComparison<(typeof questions)[number]>(server, world, ({ definition, criteria }, count) => {
    if (count > 0) for (const form of formsOf(definition, criteria)) found.add(form)
  })
  const differences = await compareAll(questions, compare)
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  const asked = new Set(questions.map(({ type, definition }) => `${type} ${definition.code}`))
  t.same(
    parameters.map(({ type, definition }) => `${type} ${definition.code}`).filter(name => !asked.has(name)),
    [],
    'every parameter is asked by or listed',
  )
  t.same(
    advertisedForms().filter(form => !found.has(form)),
    [],
    'every modifier and prefix finds something',
  )
  t.comment(`parameters ${parameters.length}, searches ${questions.length}, differing ${differences.length}`)
})

/** How a parameter of a type is used: `token:not`, `date ge`. */
const formsOf = ({ type }: Definition, criteria: readonly Criterion[]): readonly string[] =>
  criteria.flatMap(([name, value]) => {
    const [, modifier] = name.split(':')
    if (modifier !== undefined) return [`${type}:${/^[A-Z]/.test(modifier) ? 'Type' : modifier}`]
    return prefixed.includes(type) ? split(',', value).map(one => `${type} ${splitPrefix(one).prefix}`) : []
  })

const prefixed: readonly string[] = ['date', 'number', 'quantity']

/** Those that the server has for some parameter of the type. */
const advertisedForms = (): readonly string[] => {
  const registry = loadRegistry()
  const modifiers = resourceTypes
    .flatMap(type => registry.searchParametersOf(type))
    .flatMap(parameter => modifiersOf(parameter).map(modifier => `${parameter.type}:${modifier}`))
  return [
    ...new Set(modifiers),
    'reference:Type',
    ...prefixed.flatMap(type => prefixes.map(prefix => `${type} ${prefix}`)),
  ].sort()
}

t.test('a pipe is refused for datatypes that have no system', async t => {
  const asked = resourceTypes.flatMap(type =>
    world
      .parametersOf(type)
      .filter(({ type: kind, code }) => kind === 'token' && supported(type, code))
      .flatMap(definition => {
        const found = world.resourcesOf(type).flatMap(resource => valuesFor(definition, resource))
        const [token] = found.some(one => takesPipe(one.type)) ? [] : found.flatMap(tokensOf)
        return token?.code === undefined ? [] : [queryOf(type, [[definition.code, `|${escapedText(token.code)}`]])]
      }),
  )
  const answers = await Promise.all(asked.map(async query => ({ query, ...(await ask(server, query)) })))
  t.same(
    answers.filter(answer => !('refused' in answer && answer.refused.startsWith('400'))),
    [],
  )
  t.comment(`refused ${answers.length}`)
})

t.test('few parameters are unsupported, and each has its reason', async t => {
  const listed = Object.entries(unsupportedParameters)
  t.ok(listed.length <= 10)
  for (const [url, reason] of listed) {
    t.ok(world.parameterByUrl(url), `${url} is published`)
    t.comment(`not supported: ${url}: ${reason}`)
  }
})
