import type { SearchParameter } from '../fhir/search-parameter.ts'
import type { TextOperator, Value } from '../search/value.ts'
import { isHot } from './hot.ts'
import { parameterKey, referenceKey, tokenKey } from './index-rows.ts'
import type { RowNames } from './row.ts'
import { type SqlFragment, sql } from './sql.ts'
import { dateBounds } from './values/date.ts'
import { textsOf } from './values/reference.ts'
import { stringBounds } from './values/string.ts'
import { hasSystem } from './values/token.ts'
import { indexedWords } from './values/words.ts'

/** What the indexes can say about a match: every row that matches passes, some others may. Absent: nothing. */
export const indexPrefilter = (parameter: SearchParameter, value: Value, row: RowNames): SqlFragment | undefined => {
  if (isHot(parameter) || parameter.paths.some(path => path.test !== undefined)) return undefined
  switch (value.kind) {
    case 'token':
      return tokenPrefilter(parameter, value, row)
    case 'reference':
      return overlaps(
        row,
        textsOf(parameter, value).map(text => referenceKey(parameter, text)),
      )
    case 'url':
      return overlaps(row, [referenceKey(parameter, value.url)])
    case 'uri':
      return overlaps(row, [referenceKey(parameter, value.uri)])
    case 'string':
      return listed(row, 'index_string', parameter, stringBounds(value))
    case 'text':
      return isPrefix.has(value.operator) && parameter.type === 'string'
        ? listed(row, 'index_string', parameter, stringBounds(value))
        : undefined
    case 'words': {
      const words = indexedWords(parameter, value)
      return words === undefined ? undefined : sql.fragment`${row.row}.pk IN (SELECT pk FROM full_text WHERE ${words})`
    }
    case 'date': {
      const bounds = dateBounds(value)
      return bounds === undefined ? undefined : listed(row, 'index_date', parameter, bounds)
    }
    default:
      return undefined
  }
}

/** What equals a text begins with it. */
const isPrefix: ReadonlySet<TextOperator> = new Set<TextOperator>(['eq', 'sw'])

const tokenPrefilter = (
  parameter: SearchParameter,
  { system, code }: Extract<Value, { kind: 'token' }>,
  row: RowNames,
): SqlFragment | undefined => {
  if (code === undefined) return undefined
  const systems = parameter.paths.every(path => hasSystem(path.datatype))
  const key = typeof system === 'string' && systems ? tokenKey(parameter, system, code) : tokenKey(parameter, '*', code)
  return overlaps(row, [key])
}

const overlaps = ({ row }: RowNames, keys: readonly bigint[]): SqlFragment =>
  sql.fragment`${row}.tokens && ${sql.array(keys.map(String), 'int8')}`

const listed = ({ row }: RowNames, table: string, parameter: SearchParameter, bounds: SqlFragment): SqlFragment =>
  sql.fragment`${row}.pk IN (
    SELECT pk FROM ${sql.identifier([table])} WHERE parameter = ${parameterKey(parameter)} AND ${bounds})`
