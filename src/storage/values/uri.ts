import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { elementText, someElement } from './element.ts'

type Uri = Extract<Value, { kind: 'uri' }>

/**
 * Exact, as a uri is; "`:below`, `:above` indicate that instead of an exact match, either the search term left-matches
 * the value, or vice-versa". https://hl7.org/fhir/R4/search.html#uri
 */
export const matchUri = (content: SqlFragment, parameter: SearchParameter, { uri, match }: Uri): SqlFragment =>
  someElement(content, parameter.paths, datatype => [
    { holds: match === undefined && isAnyVersion(datatype, uri) ? ofAnyVersion(uri) : tests[match ?? 'exact'](uri) },
  ])

/** `_profile=url` asks for what claims the profile in any version. */
const isAnyVersion = (datatype: string, uri: string): boolean => datatype === 'canonical' && !uri.includes('|')

const ofAnyVersion = (uri: string): SqlFragment => sql.fragment`split_part(${elementText}, '|', 1) = ${uri}`

const tests = {
  exact: (uri: string) => sql.fragment`${elementText} = ${uri}`,
  below: (uri: string) => sql.fragment`starts_with(${elementText}, ${uri})`,
  above: (uri: string) => sql.fragment`(${elementText} <> '' AND starts_with(${uri}, ${elementText}))`,
}
