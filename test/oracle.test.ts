import t from 'tap'
import { unsupportedParameters } from '../src/fhir/registry-search-parameters.ts'
import { resourceTypes } from '../src/fhir/resource-type.ts'
import { compareAll } from './oracle/asking-all.ts'
import { openComparison } from './oracle/comparing.ts'
import { derive } from './oracle/derive/derive.ts'
import { knownInvalid } from './oracle/known-invalid.ts'
import { openOracle } from './oracle/opening.ts'
import { openRandom, seedOf } from './oracle/random.ts'

/**
 * Searches by every parameter of every type, over the published examples of R4, against an answer that owes nothing to the
 * server: the published FHIRPath expressions, evaluated, and the matching rules of the specification in plain JavaScript.
 */
const seed = seedOf()
const { server, world, refused, supported } = await openOracle()
t.teardown(() => server.close())

/** Values to ask by, of a parameter of one type and of one that all types have. */
const searches = 2
const searchesOfCommon = 1

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

t.test('few parameters are not supported, and each has its reason', async t => {
  const listed = Object.entries(unsupportedParameters)
  t.ok(listed.length <= 10)
  for (const [url, reason] of listed) {
    t.ok(world.parameterByUrl(url), `${url} is published`)
    t.comment(`not supported: ${url}: ${reason}`)
  }
})
