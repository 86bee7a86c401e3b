import t from 'tap'
import { compartments, inCompartment } from './answers/compartment.ts'
import { deriveFilter } from './answers/filter.ts'
import { deriveIncludes, includedWith, includeText } from './answers/include.ts'
import { keysOnList } from './answers/list.ts'
import { openAnswers } from './answers/opening.ts'
import { matchKeys, readPage, readPages } from './answers/pages.ts'
import { queryOf } from './asking.ts'
import { compareAll } from './asking-all.ts'
import { difference } from './comparing.ts'
import { deriveCombined } from './derive/combined.ts'
import { keyOf, type Resource } from './examples.ts'
import { localKey } from './match/reference.ts'
import { openRandom, type Random, seedOf, timesOf } from './random.ts'
import { type Criterion, select } from './select.ts'

/** Sets that are not made by parameters, what is included with one, and how many it is said to have. */
const seed = seedOf()
const times = timesOf()
const { server, world, resources, links, at, expectedOf } = await openAnswers()

/** One criterion, or none if nothing can be asked. */
const oneAbout = (resource: Resource, random: Random): readonly Criterion[] =>
  deriveCombined(at(random), resource).slice(0, 1)

/** As `name=value`, percent-encoded, appended to the path. */
const withCriteria = (path: string, criteria: readonly Criterion[]): string => path + queryOf('', criteria)

t.test('includes bring along what a closure over all references reaches', async t => {
  const random = openRandom(seed, 'include')
  const linked = resources.filter(one => links.from(one).length + links.to(one).length > 0)
  const questions = Array.from({ length: 150 * times }, () => {
    const resource = random.pick(linked)
    const includes = deriveIncludes(links, resource, random)
    const criteria = random.chance(0.5) ? oneAbout(resource, random) : []
    const count = 1 + random.below(20)
    const path = withCriteria(resource.resourceType, [...criteria, ['_count', String(count)]])
    return { path: [path, ...includes.map(includeText)].join('&'), includes }
  }).filter(({ includes }) => includes.length > 0)
  const differences = await compareAll(questions, async ({ path, includes }) => {
    const page = await readPage(server, path)
    const expected = includedWith(links, includes, page.matches)
    const found = page.included.map(keyOf).sort()
    if (page.isCut) return cutWrongly(path, expected, found)
    return difference(path, [...expected].sort(), found)
  })
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})

/** A page takes a thousand, and iterates ten times. */
const cutWrongly = (path: string, expected: ReadonlySet<string>, found: readonly string[]): string | undefined =>
  found.every(key => expected.has(key)) ? undefined : `${path} is cut wrongly`

t.test('a compartment has what its published definition says', async t => {
  const random = openRandom(seed, 'compartment')
  const questions = compartments.flatMap(compartment => {
    const { code, parameters } = compartment
    const stored = random.some(world.resourcesOf(code), 6 * times).map(({ id }) => id)
    const ids = [...stored, 'nothing']
    return ids.flatMap(id => {
      const types = [...parameters.keys()].filter(
        type => random.chance(0.1) || world.resourcesOf(type).some(inCompartment(world, compartment, id, type)),
      )
      const members = (of: readonly string[], criteria: readonly Criterion[]) =>
        of.flatMap(type => expectedOf(type, criteria, inCompartment(world, compartment, id, type)))
      const some = random.some(types, 3)
      return [
        ...types.map(type => {
          const [one] = random.some(world.resourcesOf(type), 1)
          const criteria = one !== undefined && random.chance(0.3) ? oneAbout(one, random) : []
          return { path: withCriteria(`${code}/${id}/${type}`, criteria), expected: members([type], criteria) }
        }),
        { path: `${code}/${id}/*?`, expected: members([...parameters.keys()], []).sort() },
        ...(some.length === 0 ? [] : [{ path: `${code}/${id}/*?_type=${some}`, expected: members(some, []).sort() }]),
      ]
    })
  })
  const differences = await compareAll(questions, askFor)
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})

type Asked = { readonly path: string; readonly expected: readonly string[] }

const askFor = async ({ path, expected }: Asked): Promise<string | undefined> => {
  const pages = await attempt(() => readPages(server, `${path}&_count=1000&_elements=id`))
  return typeof pages === 'string' ? `${path} ${pages}` : difference(path, expected, [...matchKeys(pages)].sort())
}

/** What the server says if it refuses. */
const attempt = async <T>(run: () => Promise<T>): Promise<T | string> => {
  try {
    return await run()
  } catch (error) {
    return String(error)
  }
}

t.test('_list finds the items of the list', async t => {
  const random = openRandom(seed, 'list')
  const questions = world.resourcesOf('List').flatMap(list => {
    const keys = keysOnList(list)
    const types = [...new Set([...keys].map(key => key.replace(/\/.*/, '')))].filter(type => world.resourcesOf(type)[0])
    return types.map(type => {
      const criteria = random.chance(0.3) ? oneAbout(random.pick(world.resourcesOf(type)), random) : []
      return {
        path: withCriteria(type, [...criteria, ['_list', list.id]]),
        expected: expectedOf(type, criteria, one => keys.has(localKey(keyOf(one)) ?? '')),
      }
    })
  })
  const differences = await compareAll(questions, askFor)
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})

t.test('_filter finds the resources for which its expression holds', async t => {
  const random = openRandom(seed, 'filter')
  const operators = new Set<string>()
  const questions = Array.from({ length: 500 * times }, () => {
    const resource = random.pick(resources)
    const filter = deriveFilter(at(random), resource, random.below(3))
    if (filter === undefined || filter.operators.length > 50) return []
    for (const operator of filter.operators) operators.add(operator)
    const type = resource.resourceType
    return [
      {
        path: withCriteria(type, [['_filter', filter.text]]),
        expected: expectedOf(type, [], one => filter.holds(one)),
      },
    ]
  }).flat()
  const differences = await compareAll(questions, askFor)
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`operators ${[...operators].sort().join()}, searches ${questions.length}, differing ${differences.length}`)
})

t.test('a total is the size of the set', async t => {
  const random = openRandom(seed, 'total')
  const questions = Array.from({ length: 125 * times }, () => {
    const resource = random.pick(resources)
    const criteria = deriveCombined(at(random), resource)
    const counted: Criterion = random.pick([
      ['_summary', 'count'],
      ['_total', 'accurate'],
      ['_total', 'estimate'],
      ['_count', '0'],
    ])
    const type = resource.resourceType
    return { path: withCriteria(type, [...criteria, counted]), size: select(world, type, criteria).length }
  })
  const differences = await compareAll(questions, async ({ path, size }) => {
    const { total } = await readPage(server, path)
    return total === size ? undefined : `${path} counts ${total} of ${size}`
  })
  t.same(differences, [], `ORACLE_SEED=${seed}`)
  t.comment(`searches ${questions.length}, differing ${differences.length}`)
})
