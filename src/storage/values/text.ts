import type { ElementPath, SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { TextOperator, Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { element, elementText, presentPath, someElement } from './element.ts'
import { fold, partsOf } from './string.ts'

/** Compared as `_filter` does. https://hl7.org/fhir/R4/search_filter.html */
export const matchText = (
  content: SqlFragment,
  parameter: SearchParameter,
  { operator, text }: Extract<Value, { kind: 'text' }>,
): SqlFragment => {
  const holds = tests[operator](sql.fragment`fhir_fold(${elementText})`, fold(text))
  return someElement(content, parameter.paths, datatype =>
    partsOf(datatype).map(part => (part === undefined ? { holds } : { inside: `${part}[*]`, holds })),
  )
}

const tests: Readonly<Record<TextOperator, (folded: SqlFragment, text: string) => SqlFragment>> = {
  eq: (folded, text) => sql.fragment`${folded} = ${text}`,
  co: (folded, text) => sql.fragment`strpos(${folded}, ${text}) > 0`,
  sw: (folded, text) => sql.fragment`starts_with(${folded}, ${text})`,
  ew: (folded, text) => sql.fragment`right(${folded}, length(${text})) = ${text}`,
}

/** Some element is not the value. `matches` is asked of each element as if it were the only one. */
export const matchUnequal = (
  content: SqlFragment,
  parameter: SearchParameter,
  matches: (content: SqlFragment, parameter: SearchParameter) => SqlFragment,
): SqlFragment => {
  const ofOne = (path: ElementPath): SqlFragment => {
    const same = matches(element, { ...parameter, paths: [{ ...path, steps: [] }] })
    return sql.fragment`EXISTS (
      SELECT FROM jsonb_path_query(${content}, ${presentPath(path)}::jsonpath) AS element(value)
      WHERE NOT coalesce(${same}, FALSE))`
  }
  return sql.fragment`(${sql.join(parameter.paths.map(ofOne), sql.fragment` OR `)})`
}
