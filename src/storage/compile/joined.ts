import type { Expression } from '../../search/expression.ts'
import { type SqlFragment, sql } from '../sql.ts'

/**
 * The conditions that must hold of one row together. PostgreSQL joins with it what each asks elsewhere, and looks for the best order of all joins: of a
 * hundred, that takes minutes, however few rows there are. So the first alone are joined, and the others are asked of whatever passes these.
 */
export const joinedConditions = (
  of: readonly Expression[],
  conditionOf: (one: Expression) => SqlFragment,
): readonly SqlFragment[] => {
  const late = new Set(of.filter(isJoined).slice(mostJoined))
  return of.map(one => {
    const condition = conditionOf(one)
    return late.has(one) ? sql.fragment`CASE WHEN ${condition} THEN TRUE ELSE FALSE END` : condition
  })
}

const mostJoined = 8

const isJoined = ({ kind }: Expression): boolean => kind === 'match' || kind === 'chain' || kind === 'has'
