import t from 'tap'
import { unsupportedParameters } from '../src/fhir/registry-search-parameters.ts'
import { resourceTypes } from '../src/fhir/resource-type.ts'
import { ask, queryOf } from './oracle/asking.ts'
import { compareAll } from './oracle/asking-all.ts'
import { openComparison } from './oracle/comparing.ts'
import { derive } from './oracle/derive/derive.ts'
import { knownInvalid } from './oracle/known-invalid.ts'
import { makeHierarchies } from './oracle/made-hierarchies.ts'
import { escapedText } from './oracle/match/escape.ts'
import { valuesFor } from './oracle/match/matches.ts'
import { takesPipe, tokensOf } from './oracle/match/token.ts'
import { openOracle } from './oracle/opening.ts'
import { openRandom, seedOf, timesOf } from './oracle/random.ts'

/**
 * Searches by every parameter of every type, over the published examples of R4, against an answer that owes nothing to the
 * server: the published FHIRPath expressions, evaluated, and the matching rules of the specification in plain JavaScript.
 */
const seed = seedOf()
const { server, world, refused, supported } = await openOracle({
  more: definitions => makeHierarchies(definitions, openRandom(seed, 'hierarchies')),
})
t.teardown(() => server.close())

/** Values to ask by, of a parameter of one type and of one that all types have. */
const searches = 2 * timesOf()
const searchesOfCommon = timesOf()

t.test('the examples are stored, but for those that are known to be invalid', async t => {
  t.same(Object.keys(refused).sort(), Object.keys(knownInvalid))
  for (const [key, reason] of Object.entries(knownInvalid)) t.match(refused[key], reason, key)
})

t.test('a search by any one parameter finds what the specification says', async t => {
  const parameters = resourceTypes.flatMap(type =>
    world.parametersOf(type).flatMap(definition => (supported(type, definition.code) ? [{ type, definition }] : [])),
  )
  const questions = parameters.flatMap(({ type, definition }) => {
    const random = openRandom(seed, `${type} ${definition.code}`)
    const count = definition.code.startsWith('_') ? searchesOfCommon : searches
    return derive(world, type, definition, random, count).map(criterion => ({
      type,
      name: definition.code,
      criteria: [criterion],
    }))
  })
  const compare = openComparison(server, world)
  const differences = await compareAll(questions, compare)
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  const asked = new Set(questions.map(({ type, name }) => `${type} ${name}`))
  t.same(
    parameters.map(({ type, definition }) => `${type} ${definition.code}`).filter(name => !asked.has(name)),
    [],
    'every parameter is asked by or listed',
  )
  t.comment(`parameters ${parameters.length}, searches ${questions.length}, differing ${differences.length}`)
})

t.test('a system is not asked of what has none', async t => {
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

t.test('few parameters are not supported, and each has its reason', async t => {
  const listed = Object.entries(unsupportedParameters)
  t.ok(listed.length <= 10)
  for (const [url, reason] of listed) {
    t.ok(world.parameterByUrl(url), `${url} is published`)
    t.comment(`not supported: ${url}: ${reason}`)
  }
})
