import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { TokenAsked } from '../values/token.ts'

/** An observation_code row is of the code's class, whichever spelling of the code was asked for. */
export const codeTest = (system: string | null | undefined, code: string, classes: CodeClasses): SqlFragment => {
  const { keys, anySystem } = classes.classesAsked(system, code)
  const [only] = keys
  if (!anySystem && keys.length === 1 && only !== undefined)
    return sql.fragment`code_id = (SELECT code_id FROM code_class WHERE key = ${only})`
  const bare = anySystem ? sql.fragment`OR code_class.code = ${code}` : sql.fragment``
  return sql.fragment`code_id = ANY(ARRAY(
    SELECT code_id FROM code_class WHERE key = ANY(${sql.array([...keys], 'text')}) ${bare}))`
}

/** It is of the class of one of the codes. */
export const codesTest = (
  tokens: readonly TokenAsked[],
  classes: CodeClasses,
): SqlFragment => sql.fragment`code_id = ANY(ARRAY(
    SELECT code_id FROM code_class WHERE ${codesAsked(tokens, classes).test}))`

/** The rows of code_class that they mean, and how many there can be at most. */
export const codesAsked = (
  tokens: readonly TokenAsked[],
  classes: CodeClasses,
): { readonly test: SqlFragment; readonly most: number } => {
  const asked = tokens.map(({ system, code }) => ({ code, ...classes.classesAsked(system, code) }))
  const keys = [...new Set(asked.flatMap(one => [...one.keys]))]
  const bare = asked.flatMap(({ anySystem, code }) => (anySystem ? [code] : []))
  return {
    test: sql.fragment`key = ANY(${sql.array(keys, 'text')}) OR code_class.code = ANY(${sql.array(bare, 'text')})`,
    most: bare.length > 0 ? Number.POSITIVE_INFINITY : keys.length,
  }
}
