import type { Expression } from '../../search/expression.ts'
import type { Value } from '../../search/value.ts'
import { isHot } from '../compile/hot.ts'

/**
 * Whether one plan is the best for all values, so that it is made once and kept. It is if each condition is answered by an index that also has
 * the order, by a key that few rows have, or by the row itself; not if it is about the beginning of a text, a time, or linked resources, which
 * may match few rows or very many.
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

/** Values that the index of tokens has. A key that many rows have is not looked up in it (`CommonTokens`). */
const keys: ReadonlySet<Value['kind']> = new Set<Value['kind']>(['token', 'reference', 'identifier', 'of-type', 'url'])
