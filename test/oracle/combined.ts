import t from 'tap'
import { openAnswers } from './answers/opening.ts'
import { compareAll } from './asking-all.ts'
import { openComparison } from './comparing.ts'
import { deriveCombined } from './derive/combined.ts'
import { openRandom, seedOf, timesOf } from './random.ts'

const seed = seedOf()
const { server, world, resources, at } = await openAnswers()

const searches = 750 * timesOf()

t.test('chains, reverse chains and several criteria together find what the specification says', async t => {
  const random = openRandom(seed, 'combined')
  const questions = Array.from({ length: searches }, () => random.pick(resources)).map(resource => ({
    type: resource.resourceType,
    criteria: deriveCombined(at(random), resource),
  }))
  const differences = await compareAll(questions, openComparison(server, world))
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})
