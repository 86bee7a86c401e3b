import t from 'tap'
import { openAnswers } from './answers/opening.ts'
import { matchKeys, readPages } from './answers/pages.ts'
import { queryOf } from './asking.ts'
import { compareAll } from './asking-all.ts'
import { difference } from './comparing.ts'
import { deriveCombined } from './derive/combined.ts'
import { keyOf, type Resource } from './examples.ts'
import { openRandom, type Random, seedOf, timesOf } from './random.ts'
import type { Criterion } from './select.ts'

/** The same searches in other ways: as a form, of several types at once, and answered in lines. */
const seed = seedOf()
const times = timesOf()
const { server, world, resources, at, expectedOf, supported } = await openAnswers()

const bearer = { authorization: 'Bearer everything' }

type Asked = { readonly type: string; readonly criteria: readonly Criterion[]; readonly expected: readonly string[] }

const questionsBy = (random: Random, count: number): readonly Asked[] =>
  Array.from({ length: count * times }, () => {
    const resource = random.pick(resources)
    const type = resource.resourceType
    const criteria = deriveCombined(at(random), resource)
    return { type, criteria, expected: expectedOf(type, criteria) }
  })

t.test('a form posted to _search finds what the specification says', async t => {
  const questions = questionsBy(openRandom(seed, 'form'), 100)
  const differences = await compareAll(questions, async ({ type, criteria, expected }) => {
    const payload = queryOf('', [...criteria, ['_count', '1000'], ['_elements', 'id']]).slice(1)
    const headers = { ...bearer, 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await server.inject({ method: 'POST', url: `/fhir/${type}/_search`, headers, payload })
    if (answer.statusCode !== 200) return `${type} ${payload} ${answer.statusCode} ${answer.body.slice(0, 300)}`
    const { entry = [] }: { readonly entry?: readonly { readonly resource: Resource }[] } = answer.json()
    return difference(`${type} ${payload}`, expected, entry.map(({ resource }) => keyOf(resource)).sort())
  })
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})

t.test('lines have what the specification says, one match each', async t => {
  const questions = questionsBy(openRandom(seed, 'lines'), 100)
  const differences = await compareAll(questions, async ({ type, criteria, expected }) => {
    const path = queryOf(type, criteria)
    const headers = { ...bearer, accept: 'application/fhir+ndjson' }
    const { statusCode, body } = await server.inject({ url: `/fhir/${path}`, headers })
    if (statusCode !== 200) return `${path} ${statusCode} ${body.slice(0, 300)}`
    const keys = body.split('\n').flatMap(line => (line === '' ? [] : [keyOf(JSON.parse(line))]))
    return difference(path, expected, keys.sort())
  })
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})

t.test('a search of several types finds, type after type, what each of them has', async t => {
  const random = openRandom(seed, 'types')
  const all = [...new Set(resources.map(({ resourceType }) => resourceType))].sort()
  /** By parameters that all the types have with the same meaning: the same name may mean other things elsewhere. */
  const isOfAll = (types: readonly string[], [name, value]: Criterion): boolean =>
    !name.includes('.') &&
    !name.startsWith('_has:') &&
    types.every(type => isAsked(type, name.replace(/:.*/, ''), /^([A-Z]\w+)\//.exec(value)?.[1]))
  const isAsked = (type: string, code: string, target: string | undefined): boolean => {
    const parameter = world.parameter(type, code)
    const isTarget = target === undefined || parameter?.type !== 'reference' || parameter.target?.includes(target)
    return supported(type, code) && parameter !== undefined && isTarget !== false
  }
  const questions = Array.from({ length: 100 * times }, () => {
    const resource = random.pick(resources)
    const types = [...new Set([resource.resourceType, ...random.some(all, 1 + random.below(3))])]
    const criteria = deriveCombined(at(random), resource).filter(one => isOfAll(types, one))
    return { types, criteria, expected: types.flatMap(type => expectedOf(type, criteria)) }
  })
  const differences = await compareAll(questions, async ({ types, criteria, expected }) => {
    const path = queryOf('', [['_type', types.join()], ...criteria, ['_count', '1000'], ['_elements', 'id']])
    const pages = await readPages(server, path).catch(String)
    return typeof pages === 'string'
      ? `${path} ${pages}`
      : difference(path, [...expected].sort(), [...matchKeys(pages)].sort())
  })
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})
