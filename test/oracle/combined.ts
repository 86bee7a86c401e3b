import t from 'tap'
import { compareAll } from './asking-all.ts'
import { openComparison } from './comparing.ts'
import { deriveCombined } from './derive/combined.ts'
import { findLinks } from './links.ts'
import { openOracle } from './opening.ts'
import { openRandom, seedOf, timesOf } from './random.ts'

/** Definitions are most of the examples, refer to little, and take most of the time. */
const definitions = new Set(['StructureDefinition', 'SearchParameter', 'CodeSystem', 'ValueSet', 'Bundle'])

const seed = seedOf()
const oracle = await openOracle({ wanted: ({ resource }) => !definitions.has(resource.resourceType) })
const { server, world, resources } = oracle
t.teardown(() => server.close())

const searches = 3000 * timesOf()

t.test('chains, reverse chains and what holds together find what the specification says', async t => {
  const random = openRandom(seed, 'combined')
  const at = { ...oracle, links: findLinks(world, resources), random }
  const questions = Array.from({ length: searches }, () => random.pick(resources)).map(resource => ({
    type: resource.resourceType,
    criteria: deriveCombined(at, resource),
  }))
  const differences = await compareAll(questions, openComparison(server, world))
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})
