import type { Expression } from '../../search/expression.ts'
import type { Value } from '../../search/value.ts'
import { isHot } from '../compile/hot.ts'

/**
 * Whether one plan is the best for all values, so that it is made once and kept: where each condition is answered by an index
 * that has the order as well, by a key that few rows have, or by the row itself. How many rows begin with a text or lie within
 * a time differs too much, and so does what linked resources lead to.
 */
export const hasOnePlan = (expression: Expression): boolean => {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.of.every(hasOnePlan)
    case 'not':
      return hasOnePlan(expression.of)
    case 'match':
      return isHot(expression.parameter) || keys.has(expression.value.kind)
    case 'chain':
    case 'has':
    case 'there':
    case 'listed':
    case 'hierarchy':
    case 'missing':
      return false
    default:
      return true
  }
}

/** What the index of tokens has: a key that many rows have is not looked for in it (`CommonTokens`). */
const keys: ReadonlySet<Value['kind']> = new Set<Value['kind']>(['token', 'reference', 'identifier', 'of-type', 'url'])
