import { FhirError } from './error.ts'
import { isNumber } from './json.ts'

/** How many lists and objects stand within each other at most: no valid resource is nested nearly so deep. */
export const deepestJson = 500

export const nestedTooDeep = (): FhirError =>
  new FhirError('structure', `The body is nested more than ${deepestJson} levels deep`)

/** Level by level: no depth is too much for it. */
export const isNestedTooDeep = (value: unknown): boolean => {
  let level = holdersIn([[value]])
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === deepestJson) return true
    level = holdersIn(level)
  }
  return false
}

/** The lists and objects right below. In turns of a list: `in` gives its places as texts, which takes ten times as long. */
const holdersIn = (level: readonly unknown[]): readonly object[] => {
  const found: object[] = []
  const add = (child: unknown): void => {
    if (typeof child === 'object' && child !== null && !isNumber(child)) found.push(child)
  }
  for (const holder of level)
    if (Array.isArray(holder)) for (const child of holder) add(child)
    else for (const name in holder as object) add((holder as Record<string, unknown>)[name])
  return found
}
