import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Search } from '../../search/search.ts'
import { recordDate } from '../audit/shown/record-date.ts'
import type { RowNames } from '../row.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../sql.ts'
import { element, elementsAt, jsonPath, presentPath } from '../values/element.ts'
import { quantities } from '../values/quantity.ts'

/** One key of the order: its value in SQL, the SQL type of that for the cursor, and its direction. Nulls come last in either. */
export type SortKey = {
  readonly value: SqlFragment
  readonly type: SqlFragment
  readonly descending: boolean
  readonly nullable: boolean
  /** Set if it is read out of the content: no index has it, and each reading of it counts. */
  readonly computed?: true
  /** Set if the index that has the latest first is read from its end: then pk is ascending, too. */
  readonly fromEnd?: true
}

/** The keys that the search asks for, or the type's own order; pk always comes last and decides ties: descending, unless an index is read from its end. */
export const sortKeys = (search: Search, row: RowNames): readonly SortKey[] => {
  if (isOldestFirst(search)) return [{ ...latestKey(search.type, row), descending: false, fromEnd: true }]
  if (search.sort.length > 0) return search.sort.map(({ parameter, descending }) => keyOf(parameter, descending, row))
  return defaultKeys(search.type, row)
}

/** Whether it asks for the oldest first, of a type of which an index has the latest first. There an unknown time is -infinity. */
export const isOldestFirst = ({ type, sort: [first, ...others] }: Search): boolean =>
  first !== undefined && !first.descending && others.length === 0 && first.parameter.code === indexedTimes[type]

const indexedTimes: Readonly<Partial<Record<ResourceType, string>>> = { Observation: 'date', Provenance: 'recorded' }

const latestKey = (type: ResourceType, row: RowNames): SortKey =>
  type === 'Provenance' ? latestRecorded(row) : dateKey(true, row)

/** `_sort=-date` of Observations asks for the order that they have anyway, and without it narrower indexes serve. */
export const withoutDefaultSort = (search: Search): Search => {
  const [first, ...others] = search.sort
  const isOwn =
    search.type === 'Observation' && first?.parameter.code === 'date' && first.descending && others.length === 0
  return isOwn ? { ...search, sort: [] } : search
}

/**
 * Observations come by effective start, latest first; an unknown start is -infinity, and so comes last. AuditEvents come by their time, since
 * they have keys of several kinds.
 */
const defaultKeys = (type: ResourceType, { facts }: RowNames): readonly SortKey[] => {
  const column = timeColumns[type]
  return column === undefined
    ? []
    : [{ value: sql.fragment`${facts}.${column}`, type: timestamptz, descending: true, nullable: false }]
}

const timeColumns: Readonly<Partial<Record<ResourceType, SqlFragment>>> = {
  Observation: sql.fragment`effective_start`,
  AuditEvent: sql.fragment`last_updated`,
}

/** `isBackwards`: from the end, for a previous page. The place of nulls is named only if there can be any, since an index serves an ORDER BY only if it reads the same. */
export const orderBy = (keys: readonly SortKey[], { facts }: RowNames, isBackwards = false): SqlFragment => {
  const direction = (descending: boolean) => (descending === isBackwards ? sql.fragment`ASC` : sql.fragment`DESC`)
  const nulls = isBackwards ? sql.fragment`NULLS FIRST` : sql.fragment`NULLS LAST`
  const ordered = keys.map(
    ({ value, descending, nullable }) =>
      sql.fragment`${value} ${direction(descending)} ${nullable ? nulls : sql.fragment``}`,
  )
  const last = sql.fragment`${facts}.pk ${direction(!isFromEnd(keys))}`
  return sql.fragment`ORDER BY ${sql.join([...ordered, last], sql.fragment`, `)}`
}

const isFromEnd = ([first]: readonly SortKey[]): boolean => first?.fromEnd === true

/** Where a page ended, or with `before` where it began: the values of that row, as text, and its pk. */
export type Position = {
  readonly values: readonly (string | null)[]
  readonly pk: string
  readonly before?: true
  /** Absent in links of versions that had equal times the other way round. TODO remove after the release that follows this one: links hold for a day. */
  readonly tiesAsIndexed?: true
}

/** The rows after the position, or before it. */
export const beyond = (keys: readonly SortKey[], { facts }: RowNames, at: Position): SqlFragment => {
  const { values, pk, before: isBackwards = false } = at
  if (values.length !== keys.length) throw new FhirError('invalid', 'This cursor does not belong to this search')
  const [only] = keys
  const [value] = values
  const isAsIndexed = only?.fromEnd === true || (only?.descending === true && !only.nullable && !isBackwards)
  if (keys.length === 1 && isAsIndexed && value !== undefined) {
    const sign = isFromEnd(keys) === isBackwards ? sql.fragment`<` : sql.fragment`>`
    return sql.fragment`(${only.value}, ${facts}.pk) ${sign} (${value}::${only.type}, ${pk}::bigint)`
  }
  const isFurther = isBackwards ? earlier : later
  const equal = keys.map((key, index) => same(key, values[index] ?? null))
  const tests = keys.map((key, index) => allOf([isFurther(key, values[index] ?? null), ...equal.slice(0, index)]))
  const sign = isBackwards ? sql.fragment`>` : sql.fragment`<`
  return anyOf([...tests, allOf([sql.fragment`${facts}.pk ${sign} ${pk}::bigint`, ...equal])])
}

const same = ({ value, type }: SortKey, text: string | null): SqlFragment =>
  sql.fragment`${value} IS NOT DISTINCT FROM ${text}::${type}`

const later = ({ value, type, descending, nullable }: SortKey, text: string | null): SqlFragment => {
  if (text === null) return sql.fragment`FALSE`
  const order = descending ? sql.fragment`<` : sql.fragment`>`
  const isLater = sql.fragment`${value} ${order} ${text}::${type}`
  return nullable ? sql.fragment`(${isLater} OR ${value} IS NULL)` : isLater
}

const earlier = ({ value, type, descending }: SortKey, text: string | null): SqlFragment => {
  if (text === null) return sql.fragment`${value} IS NOT NULL`
  const order = descending ? sql.fragment`>` : sql.fragment`<`
  return sql.fragment`${value} ${order} ${text}::${type}`
}

const timestamptz = sql.fragment`timestamptz`
const text = sql.fragment`text`
const numeric = sql.fragment`numeric`

const keyOf = (parameter: SearchParameter, descending: boolean, row: RowNames): SortKey => {
  if (parameter.code === '_id') return { value: sql.fragment`${row.row}.id`, type: text, descending, nullable: false }
  if (parameter.code === '_lastUpdated')
    return { value: sql.fragment`${row.row}.last_updated`, type: timestamptz, descending, nullable: false }
  if (parameter.base === 'Observation' && parameter.code === 'date') return dateKey(descending, row)
  if (parameter.base === 'Provenance' && parameter.code === 'recorded' && descending) return latestRecorded(row)
  if (parameter.base === 'Patient' && !descending && parameter.code in nameColumns) return nameKey(parameter.code, row)
  if (parameter.paths.some(path => path.test !== undefined)) return testKey(parameter, descending, row)
  const of = sortable[parameter.type]
  if (of === undefined)
    throw new FhirError('not-supported', `_sort by ${parameter.code} is not possible: it is a ${parameter.type}`, {
      status: 400,
      expression: '_sort',
    })
  const inContent = (content: SqlFragment) => extremeOf(parameter, of, descending, content)
  const value =
    row.recorded && parameter.code === 'date'
      ? recordDate(row.row, inContent)
      : inContent(sql.fragment`${row.row}.content`)
  return { value, type: of.type, descending, nullable: true, computed: true }
}

const extremeOf = (
  { paths }: SearchParameter,
  of: Sortable,
  descending: boolean,
  content: SqlFragment,
): SqlFragment => {
  const found = paths.map(
    path => sql.fragment`
      SELECT ${of.value(path.datatype)} AS key
      FROM ${elementsAt(content, presentPath(path))} AS element(value)`,
  )
  const extreme = descending ? sql.fragment`max` : sql.fragment`min`
  return sql.fragment`(SELECT ${extreme}(key) FROM (${sql.join(found, sql.fragment` UNION ALL `)}) AS keys)`
}

/** `deceased` is true or false of everybody. */
const testKey = ({ paths }: SearchParameter, descending: boolean, { row }: RowNames): SortKey => {
  const holds = paths.map(
    path => sql.fragment`EXISTS (
      SELECT FROM jsonb_path_query(${row}.content, ${jsonPath(path)}::jsonpath) AS element(value)
      WHERE element.value <> 'false')`,
  )
  return { value: sql.fragment`(${anyOf(holds)})::text`, type: text, descending, nullable: false, computed: true }
}

const dateKey = (descending: boolean, { facts }: RowNames): SortKey =>
  descending
    ? { value: sql.fragment`${facts}.effective_start`, type: timestamptz, descending, nullable: false }
    : {
        value: sql.fragment`nullif(${facts}.effective_start, '-infinity')`,
        type: timestamptz,
        descending,
        nullable: true,
      }

/** As the index has it. An unknown time comes last. */
const latestRecorded = ({ row }: RowNames): SortKey => ({
  value: sql.fragment`coalesce(fhir_low(${row}.content ->> 'recorded'), '-infinity')`,
  type: timestamptz,
  descending: true,
  nullable: false,
})

/** The first of each, as the index has them. Patients without one have what comes after all letters. */
const nameKey = (code: string, { row }: RowNames): SortKey => ({
  value: sql.fragment`${row}.${nameColumns[code] ?? text}`,
  type: text,
  descending: false,
  nullable: false,
  computed: true,
})
const nameColumns: Readonly<Record<string, SqlFragment>> = { family: sql.fragment`family`, given: sql.fragment`given` }

type Sortable = { readonly type: SqlFragment; readonly value: (datatype: string) => SqlFragment }

const plain = sql.fragment`${element} #>> '{}'`
const child = (name: string): SqlFragment => sql.fragment`${element} ->> ${name}`

/** The part of an element by which it is sorted, by datatype. */
const textKeys: Readonly<Record<string, SqlFragment>> = {
  CodeableConcept: sql.fragment`coalesce(${element} #>> '{coding,0,code}', ${element} ->> 'text')`,
  Coding: child('code'),
  Identifier: child('value'),
  ContactPoint: child('value'),
  Reference: child('reference'),
  HumanName: sql.fragment`coalesce(${element} ->> 'family', ${element} ->> 'text', ${element} #>> '{given,0}')`,
  Address: sql.fragment`coalesce(${element} ->> 'text', ${element} ->> 'city', ${element} ->> 'country')`,
}

/** Null for what has no single number. */
function numberOf(datatype: string): SqlFragment {
  if (quantities.has(datatype)) return sql.fragment`(${child('value')})::numeric`
  if (datatype === 'Range') return sql.fragment`(${element} #>> '{low,value}')::numeric`
  return sql.fragment`CASE jsonb_typeof(${element}) WHEN 'number' THEN (${plain})::numeric END`
}

const instantKey = sql.fragment`CASE jsonb_typeof(${element}) WHEN 'string' THEN fhir_low(${plain}) END`

/** Where a date begins that is more than an instant. */
const startKeys: Readonly<Record<string, SqlFragment>> = {
  Period: sql.fragment`coalesce(fhir_low(${child('start')}), fhir_low(${child('end')}))`,
  Timing: sql.fragment`coalesce(
    (SELECT min(fhir_low(event)) FROM jsonb_array_elements_text(${element} -> 'event') AS event),
    fhir_low(${element} #>> '{repeat,boundsPeriod,start}'))`,
}

const byText: Sortable = { type: text, value: datatype => sql.fragment`fhir_fold(${textKeys[datatype] ?? plain})` }

/** Numbers in a text are sorted by their value: `Bed 9` before `Bed 10`. */
const byWords: Sortable = {
  type: text,
  value: datatype => sql.fragment`${byText.value(datatype)} COLLATE natural_order`,
}

const sortable: Readonly<Partial<Record<SearchParameter['type'], Sortable>>> = {
  token: byText,
  reference: byText,
  string: byWords,
  uri: byText,
  number: { type: numeric, value: numberOf },
  quantity: { type: numeric, value: numberOf },
  date: { type: timestamptz, value: datatype => startKeys[datatype] ?? instantKey },
}
