import type { ResourceType } from '@medplum/fhirtypes'
import { type Restricted, restrict } from '../access/access.ts'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { type Mask, maskOf } from '../fhir/subset.ts'
import type { Expression } from '../search/expression.ts'
import type { Search } from '../search/search.ts'
import type { CommonTokens } from './common-tokens.ts'
import { compilePart } from './compile.ts'
import type { Connection } from './database.ts'
import { drivingCode } from './driving-code.ts'
import { matchesHot } from './hot.ts'
import { includedWith } from './include.ts'
import type { Including, Placed } from './include-row.ts'
import { type RowNames, storedRow, tableOf } from './row.ts'
import { servedContent } from './served-content.ts'
import { ahead, behind, orderBy, orderByBackwards, type Position, sortKeys } from './sort.ts'
import { allOf, type SqlFragment, sql } from './sql.ts'
import type { Page } from './store.ts'
import { lookUpConcepts } from './terminology.ts'
import { totalOf } from './total.ts'

type Searching = Omit<Including, 'limit' | 'maskOf'> & {
  readonly registry: Registry
  readonly commonTokens: CommonTokens
}

/** One page: keys first, from the narrowest index, then the bodies of just those keys, in one statement. */
export const searchPage = async (connection: Connection, searching: Searching, search: Search): Promise<Page> => {
  const source = sourceOf(searching, search, { inOwnOrder: search.sort.length === 0 })
  const total = await totalOf(connection, search.total, sample => sourceOf(searching, search, { sample }))
  if (search.summary === 'count' || search.count === 0) return { entries: [], included: [], leftOut: false, ...total }
  const from = search.cursor === undefined ? undefined : toPosition(search.cursor)
  const found = await connection.any<Row>(pageStatement(searching, search, source, from))
  const more = found.length > search.count
  const nearest = found.slice(0, search.count)
  const page = from?.before ? nearest.toReversed() : nearest
  const entries = page.map(row => toPlaced(search, row))
  const maskOf = summaryMask(searching, search)
  return {
    entries,
    ...(await includedWith(connection, { ...searching, maskOf }, search.include, entries)),
    ...cursorsAround(page, { isFirst: from === undefined, isBefore: from?.before === true, more }),
    ...total,
  }
}

type Around = { readonly isFirst: boolean; readonly isBefore: boolean; readonly more: boolean }

/** Whoever came backwards has a page behind, and whoever came forwards one before. */
const cursorsAround = (page: readonly Row[], { isFirst, isBefore, more }: Around): Pick<Page, 'next' | 'previous'> => {
  const [first, last] = [page[0], page.at(-1)]
  if (first === undefined || last === undefined) return {}
  return {
    ...(more || isBefore ? { next: cursorOf({ values: last.keys, pk: last.pk }) } : {}),
    ...((isBefore ? more : !isFirst) ? { previous: cursorOf({ values: first.keys, pk: first.pk, before: true }) } : {}),
  }
}

const cursorOf = (position: Position): string => JSON.stringify(position)

/** Ids of the first matches, without an order. */
export const searchIds = async (
  connection: Connection,
  searching: Searching,
  search: Search,
  limit: number,
): Promise<readonly string[]> => {
  const asked = { ...search, where: await lookUpConcepts(connection, searching, search.where) }
  const { from, where, row } = sourceOf(searching, asked, { body: true })
  const rows = await connection.any<{ id: string }>(
    sql.fragment`SELECT ${row.row}.id FROM ${from} WHERE ${where} LIMIT ${limit}`,
  )
  return rows.map(({ id }) => id)
}

/** `sample` says which part of the rows, as TABLESAMPLE does; `inOwnOrder`, that the first few are wanted in the order of the type. */
type Needs = { readonly body?: boolean; readonly sample?: SqlFragment; readonly inOwnOrder?: boolean }

type Source = { readonly from: SqlFragment; readonly where: SqlFragment; readonly row: RowNames }

type Row = {
  patient_id: number
  pk: string
  keys: (string | null)[]
  id: string
  version: number
  last_updated: Date
  content: string
}

/**
 * Where the matches come from. An Observation search for one class of codes starts at the narrow observation_code, which
 * has patient, class and time in one index; the body's table joins only where the question needs it.
 */
const sourceOf = ({ access, classes, commonTokens }: Searching, search: Search, needs: Needs = {}): Source => {
  const { type } = search
  const { body: needsBody = false, sample = sql.fragment``, inOwnOrder = false } = needs
  const question = restrict(access, 's', type, search.where)
  const stored = { ...storedRow(type, 'row'), ...(inOwnOrder ? { common: commonTokens } : {}) }
  const asked = conjuncts(question)
  const driving = type === 'Observation' && !isWithin(question) ? drivingCode(asked, stored, classes) : undefined
  if (driving === undefined) {
    const where = compilePart(question, stored, classes)
    return { from: sql.fragment`${tableOf(type)} AS row ${sample}`, where, row: stored }
  }
  const { row } = driving
  const rest = asked.filter(one => one !== driving.match)
  const conditions = rest.map(one => compilePart(one, row, classes))
  const body = needsBody || driving.needsBody || search.sort.length > 0 || !rest.every(matchesHot)
  const join = sql.fragment`JOIN observation AS row ON row.patient_id = hot.patient_id AND row.pk = hot.pk`
  return {
    from: sql.fragment`observation_code AS hot ${sample} ${body ? join : sql.fragment``}`,
    where: allOf([driving.where, ...conditions]),
    row,
  }
}

const conjuncts = (expression: Expression): readonly Expression[] =>
  expression.kind === 'and' ? expression.of.flatMap(conjuncts) : [expression]

/** In a compartment by one of several ways: each has its own index of the body's table, which PostgreSQL can join. */
const isWithin = (question: Restricted): boolean => conjuncts(question).some(one => one.kind === 'there')

const pageStatement = (
  searching: Searching,
  search: Search,
  { from, where, row }: Source,
  at: Position | undefined,
): SqlFragment => {
  const keys = sortKeys(search, row)
  const beyond = at === undefined ? undefined : at.before ? ahead(keys, row, at) : behind(keys, row, at)
  const order = at?.before ? orderByBackwards(keys, row) : orderBy(keys, row)
  const texts = keys.map(({ value }) => sql.fragment`(${value})::text`)
  const values = texts.length === 0 ? sql.array([], 'text') : sql.fragment`ARRAY[${sql.join(texts, sql.fragment`, `)}]`
  return sql.fragment`
    WITH page AS MATERIALIZED (
      SELECT ${row.facts}.patient_id, ${row.facts}.pk,
        row_number() OVER (${order}) AS position,
        ${values} AS keys
      FROM ${from}
      WHERE ${beyond === undefined ? where : allOf([where, beyond])}
      ${order}
      LIMIT ${search.count + 1}
    )
    SELECT page.patient_id, page.pk, page.keys, body.id, body.version, body.last_updated,
      ${servedContent(search.type, 'body', { ...searching, mask: matchMask(searching, search) })} AS content
    FROM page
    JOIN ${tableOf(search.type)} AS body ON body.patient_id = page.patient_id AND body.pk = page.pk
    ORDER BY page.position`
}

/** `_elements` names elements of the matches; `_summary` holds for whatever stands in the answer. */
const matchMask = (searching: Searching, search: Search): Mask | undefined =>
  search.elements === undefined
    ? summaryMask(searching, search)(search.type)
    : maskOf(searching.registry.structures, search.type, { kind: 'elements', names: search.elements })

const summaryMask =
  ({ registry }: Searching, { summary: kind }: Search) =>
  (type: ResourceType): Mask | undefined =>
    kind === undefined || kind === 'count' ? undefined : maskOf(registry.structures, type, { kind })

const toPlaced = ({ type }: Search, { patient_id, pk, id, version, last_updated, content }: Row): Placed => ({
  type,
  id,
  patientId: patient_id,
  pk,
  versionId: String(version),
  lastUpdated: last_updated,
  content,
})

const toPosition = (cursor: string): Position => {
  const parsed: unknown = JSON.parse(cursor)
  if (typeof parsed !== 'object' || parsed === null || !('values' in parsed) || !('pk' in parsed))
    throw new FhirError('invalid', 'This cursor does not belong to this search')
  return parsed as Position
}
