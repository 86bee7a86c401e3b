import type { ResourceType } from '@medplum/fhirtypes'
import { restrict } from '../../access/access.ts'
import { FhirError, orRefusal } from '../../fhir/error.ts'
import { asksConcepts } from '../../search/concepts.ts'
import type { Expression } from '../../search/expression.ts'
import type { Search } from '../../search/search.ts'
import { compilePart } from '../compile/compile.ts'
import type { Gate } from '../compile/gate.ts'
import { indexPrefilter } from '../compile/index-prefilter.ts'
import type { Connection } from '../database.ts'
import { storedRow, tableOf } from '../row.ts'
import { allOf, anyOf, type SqlFragment, sql, word } from '../sql.ts'
import type { Page, Store } from '../store.ts'

type Asked = Pick<Search, 'type' | 'where'>
type Searching = Pick<Store, 'search'>

/**
 * Answers the same, but leaves out searches that no row can match: a compartment has few of some seventy types, and planning and running the search
 * of each of the others takes a millisecond or two. `ahead`: the searches that may follow.
 */
export const sparingMatchless = (
  connection: Connection,
  asking: Gate,
  ahead: readonly Search[],
  { search }: Searching,
): Searching => {
  let found: Promise<readonly Asked[]> | undefined
  return {
    search: async asked => {
      found ??= findMatchless(connection, asking, ahead)
      const matchless = (await found).some(({ type, where }) => type === asked.type && where === asked.where)
      return matchless ? nothing(asked) : search(asked)
    },
  }
}

const nothing = ({ total }: Search): Page => ({
  entries: [],
  included: [],
  leftOut: false,
  ...(total === 'none' ? {} : { total: 0 }),
})

/** According to the indexes, in one statement. */
const findMatchless = async (
  connection: Connection,
  asking: Gate,
  asked: readonly Asked[],
): Promise<readonly Asked[]> => {
  const bounded = asked.flatMap(one => {
    const bound = boundOf(asking, one)
    return bound === undefined ? [] : [{ ...one, bound }]
  })
  if (bounded.length < fewest) return []
  const tests = bounded.map(({ type, bound }, place) => isThere(type, bound, place))
  const rows = await connection.kept<{ place: number }>(sql.fragment`${sql.join(tests, sql.fragment` UNION ALL `)}`)
  const there = new Set(rows.map(({ place }) => place))
  return bounded.filter((_, place) => !there.has(place))
}

/** A single search might as well be run. */
const fewest = 2

/** To find just one row, PostgreSQL would plan to read the table. Materialized, the query is planned for all rows, and still stops at the first. */
const isThere = (type: ResourceType, bound: SqlFragment, place: number): SqlFragment => sql.fragment`
  SELECT ${word(`${place}`)}::integer AS place WHERE EXISTS (
    WITH found AS MATERIALIZED (SELECT FROM ${tableOf(type)} AS row WHERE ${bound}) SELECT FROM found)`

/** A condition that holds for every matching row, and for few others. Undefined if the indexes cannot answer it, or the question is to be refused. */
const boundOf = ({ access, classes }: Gate, { type, where }: Asked): SqlFragment | undefined => {
  const row = storedRow(type, 'row')
  // There may be very many Observations, and an index reads all of them before the first is seen.
  if (!row.indexed || type === 'Observation' || asksConcepts(where)) return undefined
  // If the caller may not ask it, they are told when it is asked.
  const question = orRefusal(() => restrict(access, 's', type, where))
  const bound = (one: Expression): SqlFragment | undefined => {
    switch (one.kind) {
      case 'none':
        return sql.fragment`FALSE`
      case 'and': {
        const [first, ...rest] = one.of.flatMap(each => bound(each) ?? [])
        return first === undefined ? undefined : allOf([first, ...rest])
      }
      case 'or': {
        const bounds = one.of.flatMap(each => bound(each) ?? [])
        return bounds.length < one.of.length ? undefined : anyOf(bounds)
      }
      case 'match':
        return one.value.kind === 'reference' ? indexPrefilter(one.parameter, one.value, row) : undefined
      case 'compartment':
        return compilePart(one, row, classes)
      default:
        return undefined
    }
  }
  return question instanceof FhirError ? undefined : bound(question)
}
