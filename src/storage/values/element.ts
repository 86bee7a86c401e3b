import type { ElementPath, PathStep } from '../../fhir/definition/search-parameter.ts'
import { anyOf, type SqlFragment, sql } from '../sql.ts'

/** The name, inside a condition, of an element that a path reaches. */
export const element = sql.fragment`element.value`

/** The element as text: for strings, codes, numbers and booleans. */
export const elementText = sql.fragment`(element.value #>> '{}')`

/**
 * Some element that one of the paths reaches in `content` (jsonb) satisfies the condition for its datatype.
 * `inside` leads on from the element, as in `coding[*]` of a CodeableConcept; a datatype without condition never matches.
 */
export const someElement = (
  content: SqlFragment,
  paths: readonly ElementPath[],
  conditionOf: (datatype: string) => readonly Condition[],
): SqlFragment =>
  anyOf(
    paths.flatMap(path =>
      conditionOf(path.datatype).map(
        ({ inside, holds }) => sql.fragment`EXISTS (
          SELECT FROM ${elementsAt(content, jsonPath(path, inside))} AS element(value)
          WHERE ${holds})`,
      ),
    ),
  )

/** All elements that the path reaches. Not by jsonb_path_query, which moves all the rest for each of them: hundreds of thousands took minutes. */
export const elementsAt = (content: SqlFragment, path: string): SqlFragment =>
  sql.fragment`jsonb_array_elements(jsonb_path_query_array(${content}, ${path}::jsonpath))`

export type Condition = { readonly inside?: string; readonly holds: SqlFragment }

/**
 * The parameter has a value: one of the paths reaches an element, or the parameter is a test, which always has a value. In a list of primitives, null is
 * the place of one with extensions only: https://hl7.org/fhir/R4/json.html#primitive
 */
export const present = (content: SqlFragment, paths: readonly ElementPath[]): SqlFragment =>
  paths.some(path => path.test !== undefined)
    ? sql.fragment`TRUE`
    : anyOf(
        paths.map(
          path => sql.fragment`jsonb_path_exists(${content}, ${`${presentPath(path)} ? (@ != null)`}::jsonpath)`,
        ),
      )

/** For a particular value its text tells the type as well; for any value, as here, the type must be looked at. */
export const presentPath = (path: ElementPath): string => {
  const type = path.steps.at(-1)?.refersTo
  if (type === undefined) return jsonPath(path)
  return `${jsonPath(path)} ? (@."reference" like_regex ${JSON.stringify(`(^|/)${type}/[^/]+(/_history/[^/]+)?$`)})`
}

/** Lax mode flattens repeating elements on the way, as FHIRPath does. */
export const jsonPath = ({ steps }: ElementPath, inside?: string): string =>
  `$${steps.map(jsonPathStep).join('')}[*]${inside === undefined ? '' : `.${inside}`}`

const jsonPathStep = ({ name, index, where }: PathStep): string =>
  `.${JSON.stringify(name)}${index === undefined ? '[*]' : `[${index}]`}${
    where === undefined ? '' : ` ? (@.${JSON.stringify(where.name)} == ${JSON.stringify(where.equals)})`
  }`
