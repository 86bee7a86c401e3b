import type { ResourceType } from '@medplum/fhirtypes'
import { restrict } from '../../access/access.ts'
import { FhirError, orRefusal } from '../../fhir/error.ts'
import type { Expression } from '../../search/expression.ts'
import type { Search } from '../../search/search.ts'
import { compilePart } from '../compile/compile.ts'
import type { Gate } from '../compile/gate.ts'
import { indexPrefilter } from '../compile/index-prefilter.ts'
import { asksConcepts } from '../compile/terminology.ts'
import type { Connection } from '../database.ts'
import { storedRow, tableOf } from '../row.ts'
import { allOf, anyOf, type SqlFragment, sql, word } from '../sql.ts'
import type { Page, Store } from '../store.ts'

type Asked = Pick<Search, 'type' | 'where'>
type Searching = Pick<Store, 'search'>

/**
 * Answers the same, and does not ask what no row can answer: of some seventy types a compartment has a few, and to plan and ask the
 * question of each of the others takes a millisecond or two. `ahead`: what may come to be asked.
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

/** As the indexes have it, in one statement. */
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

/** One alone is as soon asked itself. */
const fewest = 2

/** A plan for the first row alone would read the table for it: materialized it is one for all rows, and stops at the first. */
const isThere = (type: ResourceType, bound: SqlFragment, place: number): SqlFragment => sql.fragment`
  SELECT ${word(`${place}`)}::integer AS place WHERE EXISTS (
    WITH found AS MATERIALIZED (SELECT FROM ${tableOf(type)} AS row WHERE ${bound}) SELECT FROM found)`

/** What holds for every row that matches, and for few others. Absent: the indexes do not tell, or the question is to be refused. */
const boundOf = ({ access, classes }: Gate, { type, where }: Asked): SqlFragment | undefined => {
  const row = storedRow(type, 'row')
  // Whoever has Observations may have very many, and an index tells of all of them before the first is seen.
  if (!row.indexed || type === 'Observation' || asksConcepts(where)) return undefined
  // Who may not ask it is told so when it is asked.
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
