import { FhirError } from './error.ts'
import { isNumber } from './json.ts'

/** How deeply lists and objects may be nested; no valid resource comes near it. */
export const deepestJson = 500

export const nestedTooDeep = (): FhirError =>
  new FhirError('structure', `The body is nested more than ${deepestJson} levels deep`)

/** Goes level by level, and not by recursion, so that it can cope with any depth. */
export const isNestedTooDeep = (value: unknown): boolean => {
  let level = holdersIn([[value]])
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === deepestJson) return true
    level = holdersIn(level)
  }
  return false
}

/** The lists and objects directly within these. Loops by index: `in` gives the indexes as texts, which takes ten times as long. */
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
