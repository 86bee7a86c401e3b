import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { resourceTypes } from '../../src/fhir/definition/resource-type.ts'
import { todays } from '../support/turn.ts'
import { openAnswers } from './answers/opening.ts'
import { matchKeys, type Page, readPage, readPages } from './answers/pages.ts'
import { misplaced, type SortKey, sortText } from './answers/sort.ts'
import { bareName, type Subset, subsetOf } from './answers/subset.ts'
import { compareAll } from './asking-all.ts'
import { difference } from './comparing.ts'
import { keyOf, type Resource } from './examples.ts'
import { wordsOf } from './match/words.ts'
import { openRandom, type Random, seedOf, timesOf } from './random.ts'

/** In which order, on which pages and in which part a set is answered. */
const seed = seedOf()
const times = timesOf()
const { server, world, supported } = await openAnswers()

t.test('_sort puts everything in order, and pages of any size make up the same list', async t => {
  const random = openRandom(seed, 'sort')
  const sortable = (type: string) =>
    world
      .parametersOf(type)
      .filter(one => one.type !== 'composite' && one.type !== 'special' && !(one.code in wordsOf))
      .filter(({ code }) => supported(type, code))
  const onTurn = (type: string) => todays(sortable(type), 3)
  const questions = resourceTypes.flatMap(type =>
    Array.from({ length: times }, () => onTurn(type))
      .flat()
      .map(definition => {
        const others = sortable(type).filter(one => one !== definition)
        const keys = [definition, ...(random.chance(0.4) ? random.some(others, 1) : [])]
        const count = random.chance(0.2)
          ? 1 + Math.floor(world.resourcesOf(type).length / (2 + random.below(4)))
          : undefined
        return { type, keys: keys.map((one): SortKey => ({ definition: one, descending: random.chance(0.5) })), count }
      }),
  )
  const differences = await compareAll(questions, async ({ type, keys, count }) => {
    const path = `${type}?_sort=${sortText(keys)}&_elements=id`
    const list = matchKeys(await readPages(server, `${path}&_count=1000`))
    const wrong = difference(path, world.resourcesOf(type).map(keyOf).sort(), [...list].sort())
    if (wrong !== undefined) return wrong
    const [misplacement] = misplaced(
      keys,
      list.flatMap(key => world.find(key) ?? []),
    )
    if (misplacement !== undefined) return `${path} has ${misplacement}`
    return count === undefined ? undefined : pagedWrongly(`${path}&_count=${count}`, list)
  })
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(
    `parameters ${questions.length}, paged ${questions.filter(({ count }) => count).length}, differing ${differences.length}`,
  )
})

/** Forward by `next`, and back from the end by `previous`. */
const pagedWrongly = async (path: string, list: readonly string[]): Promise<string | undefined> => {
  const pages = await readPages(server, path)
  const forward = matchKeys(pages)
  if (forward.join() !== list.join()) return `${path} has pages of another list: ${forward} instead of ${list}`
  const back: Page[] = pages.slice(-1)
  for (let url = pages.at(-1)?.links.previous; url !== undefined; ) {
    const page: Page = await readPage(server, url)
    back.unshift(page)
    url = page.links.previous
  }
  const backward = matchKeys(back)
  return backward.join() === list.join() ? undefined : `${path} leads back to ${backward} instead of ${list}`
}

t.test('_summary and _elements keep what they promise, and nothing else', async t => {
  const random = openRandom(seed, 'subset')
  const questions = resourceTypes.flatMap(type =>
    random
      .some(world.resourcesOf(type), 4)
      .flatMap(resource => subsetsAsked(resource, random).map(asked => ({ resource, asked }))),
  )
  const differences = await compareAll(questions, async ({ resource, asked }) => {
    const shape = asked.kind === 'elements' ? `_elements=${asked.names}` : `_summary=${asked.kind}`
    const path = `${resource.resourceType}?_id=${resource.id}&${shape}`
    const [{ meta, ...found } = { meta: undefined }] = (await readPage(server, path)).matches
    const { meta: _, ...expected } = subsetOf(resource, asked)
    if (!JSON.stringify(meta).includes('SUBSETTED')) return `${path} is not marked`
    if (isDeepStrictEqual(found, expected)) return undefined
    return `${path} answers ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`
  })
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})

const subsetsAsked = (resource: Resource, random: Random): readonly Subset[] => {
  const names = Object.keys(resource).filter(name => name !== 'resourceType' && !name.startsWith('_'))
  const some = random
    .some(names, 1 + random.below(3))
    .map(name => (random.chance(0.5) ? bareName(resource, name) : name))
  return [{ kind: 'elements', names: some }, ...(['true', 'text', 'data'] as const).map(kind => ({ kind, names: [] }))]
}
