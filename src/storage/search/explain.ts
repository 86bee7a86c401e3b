import { restrict } from '../../access/access.ts'
import { print } from '../../search/print.ts'
import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { ExplainDepth, Explanation } from '../store.ts'
import { totalFor } from './page-total.ts'
import { searchPage } from './search.ts'

/** Runs a search over a connection that explains instead of answering. Statements that depend on rows which were found are not reached. */
export const explainSearch = async (
  connection: Connection,
  searching: Parameters<typeof searchPage>[1],
  search: Search,
  depth: ExplainDepth,
): Promise<Explanation> => {
  const statements: Explanation['statements'][number][] = []
  const explain = async (query: SqlFragment): Promise<void> => {
    const [explained] = await connection.any<{ 'QUERY PLAN': readonly Json[] }>(
      sql.fragment`EXPLAIN (${options[depth]}) ${query}`,
    )
    const { sql: text, values } = query
    statements.push({ sql: aligned(text), values, plan: explained?.['QUERY PLAN'].map(withoutCounts) })
  }
  const explaining: Connection = {
    any: query => explain(query).then(() => []),
    kept: query => explain(query).then(() => []),
    one: <Row>(query: SqlFragment) => explain(query).then(() => ({}) as Row),
    maybeOne: query => explain(query).then(() => undefined),
    run: query => explain(query).then(() => 0),
    later: explain,
    take: (_kind, _keys, run) => run(),
  }
  await searchPage(explaining, searching, search)
  const { type, where, summary, count, cursor } = search
  // A first page without rows seems to have all matches, which are then not counted.
  if (summary !== 'count' && count > 0 && cursor === undefined) await totalFor(explaining, searching, search)
  return { asked: print(where), restricted: print(restrict(searching.access, 's', type, where)), statements }
}

const options: Readonly<Record<ExplainDepth, SqlFragment>> = {
  plan: sql.fragment`FORMAT JSON`,
  analyze: sql.fragment`FORMAT JSON, ANALYZE, TIMING, BUFFERS false`,
}

const aligned = (text: string): string => text.replace(/\s+/g, ' ').trim()

type Json = Readonly<Record<string, unknown>>

/** Only keys that are known to describe the plan, and not the rows that it met. */
const withoutCounts = (step: Json): Json =>
  Object.fromEntries(
    Object.entries(step)
      .filter(([key]) => told.has(key))
      .map(([key, value]) => [key, key === 'Plans' || key === 'Plan' ? below(value) : value]),
  )

const below = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(withoutCounts) : withoutCounts(value as Json)

const told: ReadonlySet<string> = new Set([
  ...['Plan', 'Plans', 'Planning Time', 'Execution Time', 'Actual Startup Time', 'Actual Total Time'],
  ...['Node Type', 'Strategy', 'Parent Relationship', 'Subplan Name', 'CTE Name', 'Function Name', 'Command'],
  ...['Relation Name', 'Alias', 'Index Name', 'Scan Direction', 'Join Type', 'Inner Unique', 'Single Copy'],
  ...['Index Cond', 'Recheck Cond', 'Filter', 'Hash Cond', 'Merge Cond', 'Join Filter', 'One-Time Filter', 'TID Cond'],
  ...['Sort Key', 'Presorted Key', 'Group Key', 'Cache Key'],
  ...['Startup Cost', 'Total Cost', 'Plan Rows', 'Plan Width'],
])
