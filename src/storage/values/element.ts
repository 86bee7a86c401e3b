import type { ElementPath, PathStep } from '../../fhir/definition/search-parameter.ts'
import { anyOf, type SqlFragment, sql } from '../sql.ts'

/** The elements that a path reaches are called this inside a condition. */
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

/** All that the path reaches: jsonb_path_query moves all that is left of them for each one, and hundreds of thousands took minutes. */
export const elementsAt = (content: SqlFragment, path: string): SqlFragment =>
  sql.fragment`jsonb_array_elements(jsonb_path_query_array(${content}, ${path}::jsonpath))`

export type Condition = { readonly inside?: string; readonly holds: SqlFragment }

/**
 * The parameter has a value: some element stands at one of the paths, or it is made of tests, which always say something. In a list of primitives null is
 * the place of one that has extensions only: https://hl7.org/fhir/R4/json.html#primitive
 */
export const present = (content: SqlFragment, paths: readonly ElementPath[]): SqlFragment =>
  paths.some(path => path.test !== undefined)
    ? sql.fragment`TRUE`
    : anyOf(
        paths.map(
          path => sql.fragment`jsonb_path_exists(${content}, ${`${presentPath(path)} ? (@ != null)`}::jsonpath)`,
        ),
      )

/** Where a value is asked for by its type, its text tells the type already: where any value counts it must be looked at. */
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
