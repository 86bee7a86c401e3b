import type { Connection } from '../../src/storage/database.ts'
import { type SqlFragment, sql } from '../../src/storage/sql.ts'

/** A step of a plan, in PostgreSQL's words. */
export type Step = { readonly [key: string]: unknown; readonly Plans?: readonly Step[] }

/** All steps of the plan that PostgreSQL makes; with `analyze` it is executed, and says how many rows each step had. */
export const planOf = async (
  connection: Connection,
  statement: SqlFragment,
  { analyze = false } = {},
): Promise<readonly Step[]> => {
  const options = analyze ? sql.fragment`FORMAT JSON, ANALYZE` : sql.fragment`FORMAT JSON`
  const [row] = await connection.any<{ 'QUERY PLAN': readonly { readonly Plan: Step }[] }>(
    sql.fragment`EXPLAIN (${options}) ${statement}`,
  )
  return stepsOf(row?.['QUERY PLAN'][0]?.Plan ?? {})
}

/** Rows of the table that were read, including those that were discarded. */
export const rowsLookedAt = (steps: readonly Step[], table: string): number =>
  steps
    .filter(step => step['Relation Name'] === table)
    .map(
      step =>
        (Number(step['Actual Rows']) + Number(step['Rows Removed by Filter'] ?? 0)) * Number(step['Actual Loops']),
    )
    .reduce((sum, rows) => sum + rows, 0)

const stepsOf = (step: Step): readonly Step[] => [step, ...(step.Plans ?? []).flatMap(stepsOf)]
