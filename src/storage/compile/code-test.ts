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
export const codesTest = (tokens: readonly TokenAsked[], classes: CodeClasses): SqlFragment => {
  const asked = tokens.map(({ system, code }) => ({ code, ...classes.classesAsked(system, code) }))
  const keys = sql.array([...new Set(asked.flatMap(one => [...one.keys]))], 'text')
  const bare = sql.array(
    asked.flatMap(({ anySystem, code }) => (anySystem ? [code] : [])),
    'text',
  )
  return sql.fragment`code_id = ANY(ARRAY(
    SELECT code_id FROM code_class WHERE key = ANY(${keys}) OR code_class.code = ANY(${bare})))`
}
