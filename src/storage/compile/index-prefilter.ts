import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Concept, TextOperator, Value } from '../../search/value.ts'
import { identifierKey, ofTypeKey, parameterKey, referenceKey, tokenKey } from '../prepare/index-rows.ts'
import type { RowNames } from '../row.ts'
import { anyOf, type SqlFragment, sql } from '../sql.ts'
import { dateBounds } from '../values/date.ts'
import { textsOf } from '../values/reference.ts'
import { stringBounds } from '../values/string.ts'
import { hasSystem, spellingsOf, type TokenAsked } from '../values/token.ts'
import { lookedUp } from '../values/value.ts'
import { indexedWords } from '../values/words.ts'
import { isHot } from './hot.ts'

/** What the indexes can tell of a match: every row that matches passes, and some others may. Undefined if they can tell nothing. */
export const indexPrefilter = (parameter: SearchParameter, value: Value, row: RowNames): SqlFragment | undefined => {
  if (isHot(parameter) || parameter.paths.some(path => path.test !== undefined)) return undefined
  const keys = keysOf(parameter, value)
  if (keys === undefined) return listPrefilter(parameter, value, row)
  return keys.some(key => row.common?.(row.type, key)) ? undefined : overlaps(row, keys)
}

/** The same for a row that has one of several tokens. */
export const tokensPrefilter = (
  parameter: SearchParameter,
  tokens: readonly TokenAsked[],
  row: RowNames,
): SqlFragment | undefined => {
  const keys = [...new Set(tokens.flatMap(token => tokenKeys(parameter, token)))]
  if (keys.some(key => row.common?.(row.type, key))) return undefined
  return areUnique(parameter) ? overlapsFewRows(row, keys) : overlaps(row, keys)
}

/** The same for a row that refers to one of these resources. */
export const referencesPrefilter = (
  parameter: SearchParameter,
  texts: readonly string[],
  row: RowNames,
): SqlFragment | undefined => {
  const keys = texts.map(text => referenceKey(parameter, text))
  return keys.some(key => row.common?.(row.type, key)) ? undefined : overlaps(row, keys)
}

/** A row that matches has one of these keys in its index of tokens. */
const keysOf = (parameter: SearchParameter, value: Value): readonly bigint[] | undefined => {
  switch (value.kind) {
    case 'token':
      return value.code === undefined ? undefined : tokenKeys(parameter, { ...value, code: value.code })
    case 'reference':
      return textsOf(parameter, value).map(text => referenceKey(parameter, text))
    case 'url':
      return [referenceKey(parameter, value.url)]
    case 'uri':
      return value.match === undefined ? [referenceKey(parameter, value.uri)] : undefined
    case 'identifier':
      return value.code === undefined ? undefined : [identifierKey(parameter, value.system ?? '*', value.code)]
    case 'of-type':
      return [ofTypeKey(parameter, value.system, value.code, value.value)]
    case 'concepts':
      return conceptKeys(parameter, lookedUp(value))
    default:
      return undefined
  }
}

const listPrefilter = (parameter: SearchParameter, value: Value, row: RowNames): SqlFragment | undefined => {
  if (value.kind === 'words') {
    const words = indexedWords(parameter, value)
    return words === undefined ? undefined : sql.fragment`${row.row}.pk IN (SELECT pk FROM full_text WHERE ${words})`
  }
  const found = listedBy(parameter, value)
  return found && listed(row, found.table, parameter, found.bounds)
}

/**
 * The same for a row for which one of several matches of the same parameter holds, if it is about dates or strings. With a condition for each, all rows
 * would be looked at, and compared with each.
 */
export const eitherPrefilter = (
  matches: readonly { readonly parameter: SearchParameter; readonly value: Value }[],
  row: RowNames,
): SqlFragment | undefined => {
  const [first] = matches
  if (first === undefined || !row.indexed || isHot(first.parameter)) return undefined
  if (first.parameter.paths.some(path => path.test !== undefined)) return undefined
  const found = matches.flatMap(({ parameter, value }) => listedBy(parameter, value) ?? [])
  const table = found.length === matches.length ? found[0]?.table : undefined
  return table && listed(row, table, first.parameter, anyOf(found.map(({ bounds }) => sql.fragment`(${bounds})`)))
}

type Listed = { readonly table: 'index_string' | 'index_date'; readonly bounds: SqlFragment }

const listedBy = (parameter: SearchParameter, value: Value): Listed | undefined => {
  switch (value.kind) {
    case 'string':
      return listedString(value)
    case 'text':
      return parameter.type === 'string'
        ? listedString({ text: value.text, match: matches[value.operator] })
        : undefined
    case 'date': {
      const bounds = dateBounds(value)
      return bounds && { table: 'index_date', bounds }
    }
    default:
      return undefined
  }
}

const listedString = (asked: AskedString): Listed | undefined => {
  const bounds = stringBounds(asked)
  return bounds && { table: 'index_string', bounds }
}

type AskedString = Parameters<typeof stringBounds>[0]

/** What holds of a text if the operator does. */
const matches: Readonly<Record<TextOperator, NonNullable<AskedString['match']>>> = {
  eq: 'exact',
  co: 'contains',
  sw: 'exact',
  ew: 'contains',
}

const tokenKeys = (parameter: SearchParameter, { system, code }: TokenAsked): readonly bigint[] => {
  const indexed = typeof system === 'string' && hasSystems(parameter) ? system : '*'
  return spellingsOf(parameter, code).map(one => tokenKey(parameter, indexed, one))
}

const conceptKeys = (parameter: SearchParameter, concepts: readonly Concept[]): readonly bigint[] => {
  const systems = hasSystems(parameter)
  return concepts.map(({ system, code }) => tokenKey(parameter, systems ? system : '*', code))
}

const hasSystems = ({ paths }: SearchParameter): boolean => paths.every(path => hasSystem(path.datatype))

const overlaps = ({ row }: RowNames, keys: readonly bigint[]): SqlFragment =>
  sql.fragment`${row}.tokens && ${sql.array(keys.map(String), 'int8')}`

/** Hardly two rows have the same identifier. */
const areUnique = ({ paths }: SearchParameter): boolean => paths.every(({ datatype }) => datatype === 'Identifier')

/**
 * The same, told as a query. Of keys that its statistics do not know PostgreSQL believes that each is in up to half a percent of the rows, so that for
 * some hundred of them it would read all rows in their order, and compare each with all keys.
 */
const overlapsFewRows = ({ row }: RowNames, keys: readonly bigint[]): SqlFragment =>
  sql.fragment`${row}.tokens && (SELECT ${sql.array(keys.map(String), 'int8')})`

const listed = ({ row }: RowNames, table: string, parameter: SearchParameter, bounds: SqlFragment): SqlFragment =>
  sql.fragment`${row}.pk IN (
    SELECT pk FROM ${sql.identifier([table])} WHERE parameter = ${parameterKey(parameter)} AND ${bounds})`
