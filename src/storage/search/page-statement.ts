import type { Search } from '../../search/search.ts'
import type { DrivingCodes } from '../compile/driving-codes.ts'
import { kindOf, type RowNames, searchedOf } from '../row.ts'
import { allOf, name, type SqlFragment, sql, word } from '../sql.ts'
import { fromName } from './by-name.ts'
import type { ByPatient } from './by-patient.ts'
import type { Source } from './search-source.ts'
import { beyond, orderBy, type SortKey, sortKeys } from './sort.ts'
import { isInPart, type SortPart } from './sort-part.ts'

export type AskedKeys = SortPart & { readonly search: Search }

/** `content`: what is served of the row `body`. */
export type AskedPage = AskedKeys & { readonly content: SqlFragment }

/** First the keys, from the narrowest index, then the bodies of just these keys, in one statement; one more than the page has. */
export const pageStatement = (asked: AskedPage, source: Source): SqlFragment => sql.fragment`
  WITH ${keysInOrder(asked, source)}
  SELECT ${columns(asked)} FROM ${withBodies(asked.search)} ORDER BY page.position`

/** The same of the first rows alone that an index has in this order: fewer than a page, if the caller may see few of them. */
export const pageOfFirst = (asked: AskedPage, { where, row }: Source): SqlFragment => sql.fragment`
  WITH page AS MATERIALIZED (
    SELECT ${row.facts}.patient_id, ${row.facts}.pk, ${placeOf(asked, row)}
    FROM (
      SELECT * FROM ${searchedOf(asked.search.type)} AS row
      WHERE ${onPage(asked, row, fromName(asked.search, row, asked.at))}
      ${orderOf(asked, row)}
      LIMIT ${mostFirst}) AS row
    WHERE ${where}
    ${orderOf(asked, row)}
    LIMIT ${oneMore(asked)}
  )
  SELECT ${columns(asked)} FROM ${withBodies(asked.search)} ORDER BY page.position`

/** As many are looked at in a few milliseconds. */
const mostFirst = word('1000')

/**
 * The same in the order of time, patient by patient, if it is known whose the rows can be: for each of them only as many rows as a page has, from the
 * index that has them in order. There is always a row, which says whether the patients are too many; if so, there is no other.
 */
export const pageByPatient = (asked: AskedPage, source: Source, byPatient: ByPatient): SqlFragment => sql.fragment`
  WITH ${keysByPatient(asked, source, byPatient)}
  SELECT amount.many, ${columns(asked)} FROM amount LEFT JOIN (${withBodies(asked.search)}) ON TRUE ORDER BY page.position`

/** The CTE `page` of the statements: keys in their order, and one more than the page has. */
export const keysInOrder = (asked: AskedKeys, source: Source): SqlFragment => {
  const { from, where, row, codes } = source.inOrder ?? { ...source, codes: undefined }
  if (codes !== undefined) return keysByCode(asked, { from, where, row }, codes)
  const keys = sortKeys(asked.search, row)
  if (keys.some(({ computed }) => computed)) return keysComputed(asked, { from, where, row }, keys)
  return sql.fragment`
  page AS MATERIALIZED (
    SELECT ${row.facts}.patient_id, ${row.facts}.pk, ${placeOf(asked, row)}
    FROM ${from}
    WHERE ${onPage(asked, row, where)}
    ${orderOf(asked, row)}
    LIMIT ${oneMore(asked)}
  )`
}

type Keyed = Pick<Source, 'from' | 'where' | 'row'>

/** Each key is computed once for each row, whatever compares it. */
const keysComputed = (asked: AskedKeys, { from, where, row }: Keyed, keys: readonly SortKey[]): SqlFragment => {
  const columns = keys.map((_, index) => name(`key_${index}`))
  const values = keys.map(({ value }, index) => sql.fragment`${value} AS ${columns[index] ?? none}`)
  const found = { ...row, facts: name('found') }
  const known = keys.map((key, index) => ({ ...key, value: sql.fragment`found.${columns[index] ?? none}` }))
  const { at } = asked
  const order = orderBy(known, found, at?.before)
  return sql.fragment`
  page AS MATERIALIZED (
    SELECT found.patient_id, found.pk, ${placeBy(order, known)}
    FROM (
      SELECT * FROM (
        SELECT ${row.facts}.patient_id, ${row.facts}.pk, ${sql.join(values, sql.fragment`, `)}
        FROM ${from}
        WHERE ${allOf([where, fromName(asked.search, row, asked.at)])}
        OFFSET 0) AS found
      ${at === undefined ? none : sql.fragment`WHERE ${beyond(known, found, at)}`}
      ${order}
      LIMIT ${oneMore(asked)}) AS found
  )`
}

const none = sql.fragment``

/** The limit of each part makes PostgreSQL read it in its order; otherwise it plans to read and sort all of it. */
const keysByCode = (asked: AskedKeys, { from, where, row }: Keyed, codes: DrivingCodes): SqlFragment => {
  const found = { ...row, facts: name('found') }
  const order = orderOf(asked, found)
  const limit = oneMore(asked)
  const part = (test: SqlFragment) => partOf(asked, { from, where, row }, test)
  const others = (numbers: SqlFragment) => sql.fragment`(
        SELECT found.patient_id, found.pk, found.effective_start
        FROM unnest(${numbers}) AS class(code_id) CROSS JOIN LATERAL ${part(ofClass)} AS found
        ${order}
        LIMIT ${limit})`
  const parts = [...codes.parts.map(part), ...(codes.others === undefined ? [] : [others(codes.others)])]
  return sql.fragment`
  ${codes.before}
  page AS MATERIALIZED (
    SELECT found.patient_id, found.pk, ${placeOf(asked, found)}
    FROM (
      SELECT DISTINCT ON (effective_start, pk) patient_id, pk, effective_start
      FROM (${sql.join(parts, sql.fragment` UNION ALL `)}) AS found
      ${order}
      LIMIT ${limit}) AS found
  )`
}

const partOf = (asked: AskedKeys, { from, where, row }: Keyed, test: SqlFragment): SqlFragment => sql.fragment`(
        SELECT ${row.facts}.patient_id, ${row.facts}.pk, ${row.facts}.effective_start
        FROM ${from}
        WHERE ${test} AND ${onPage(asked, row, where)}
        ${orderOf(asked, row)}
        LIMIT ${oneMore(asked)})`

const ofClass = sql.fragment`hot.component = 0 AND hot.code_id = class.code_id`

export const keysByPatient = (asked: AskedKeys, source: Source, byPatient: ByPatient): SqlFragment => {
  const { codes } = source.inOrder ?? {}
  if (source.inOrder !== undefined && codes !== undefined)
    return keysByPatientAndCode(asked, source.inOrder, codes, byPatient)
  const { from, row } = source
  const found = { ...row, facts: name('found') }
  const where = byPatient.whereOf(sql.fragment`person.patient_id`)
  return sql.fragment`
    ${chosenOf(byPatient)},
    page AS MATERIALIZED (
      SELECT found.patient_id, found.pk, ${placeOf(asked, found)}
      FROM ${chosenPeople} AS person
      CROSS JOIN LATERAL (
        SELECT ${row.facts}.patient_id, ${row.facts}.pk, ${row.facts}.effective_start
        FROM ${from}
        WHERE ${onPage(asked, row, where)}
        ${orderOf(asked, row)}
        LIMIT ${oneMore(asked)}) AS found
      ${orderOf(asked, found)}
      LIMIT ${oneMore(asked)}
    )`
}

/**
 * For each patient and class, by the index of both. If the codes were tested row by row, the rows of all patients with these codes would be read
 * first.
 */
const keysByPatientAndCode = (
  asked: AskedKeys,
  keyed: Keyed,
  codes: DrivingCodes,
  byPatient: ByPatient,
): SqlFragment => {
  const found = { ...keyed.row, facts: name('found') }
  return sql.fragment`
    ${chosenOf(byPatient)},
    ${codes.before}
    page AS MATERIALIZED (
      SELECT found.patient_id, found.pk, ${placeOf(asked, found)}
      FROM (
        SELECT DISTINCT ON (found.effective_start, found.pk) found.patient_id, found.pk, found.effective_start
        FROM ${chosenPeople} AS person
        CROSS JOIN unnest(${codes.numbers}) AS class(code_id)
        CROSS JOIN LATERAL ${partOf(asked, keyed, sql.fragment`hot.patient_id = person.patient_id AND ${ofClass}`)} AS found
        ${orderOf(asked, found)}
        LIMIT ${oneMore(asked)}) AS found
    )`
}

/** How many matches there are; `most`: beyond that the number does not matter. If the patients are too many, the number says nothing. */
export const countByPatient = (
  { from }: Source,
  byPatient: ByPatient,
  most: number | undefined,
): SqlFragment => sql.fragment`
  WITH ${chosenOf(byPatient)}
  SELECT many, (
    SELECT count(*) FROM (
      SELECT FROM ${chosenPeople} AS person
      CROSS JOIN LATERAL (SELECT FROM ${from} WHERE ${byPatient.whereOf(sql.fragment`person.patient_id`)}) AS match
      ${most === undefined ? sql.fragment`` : sql.fragment`LIMIT ${word(`${most + 1}`)}`}) AS counted) AS total
  FROM amount`

const chosenOf = ({ patients, most }: ByPatient): SqlFragment => sql.fragment`
  chosen AS MATERIALIZED (SELECT patient_id FROM (${patients}) AS target LIMIT ${most} + 1),
  amount AS MATERIALIZED (SELECT count(*) > ${most} AS many FROM chosen)`

const chosenPeople = sql.fragment`(SELECT DISTINCT patient_id FROM chosen WHERE NOT (SELECT many FROM amount))`

/** Written into the text, since the number of rows decides which plan is best, also if the plan is kept. */
const oneMore = ({ search }: AskedKeys): SqlFragment => word(`${search.count + 1}`)

const onPage = ({ search, part, at }: AskedKeys, row: RowNames, where: SqlFragment): SqlFragment =>
  allOf([
    where,
    ...(part === undefined ? [] : [isInPart(search, row, part)]),
    ...(at === undefined ? [] : [beyond(sortKeys(search, row), row, at)]),
  ])

const orderOf = ({ search, at }: AskedKeys, row: RowNames): SqlFragment =>
  orderBy(sortKeys(search, row), row, at?.before)

/** The position of the row on the page, and its sort keys. */
const placeOf = (asked: AskedKeys, row: RowNames): SqlFragment =>
  placeBy(orderOf(asked, row), sortKeys(asked.search, row))

const placeBy = (order: SqlFragment, keys: readonly SortKey[]): SqlFragment => {
  const texts = keys.map(({ value }) => sql.fragment`(${value})::text`)
  const values =
    texts.length === 0 ? sql.fragment`'[]'` : sql.fragment`json_build_array(${sql.join(texts, sql.fragment`, `)})::text`
  return sql.fragment`row_number() OVER (${order}) AS position, ${values} AS keys`
}

const columns = ({ search, content }: AskedPage): SqlFragment =>
  sql.fragment`page.patient_id, page.pk, page.keys, body.id, body.version, body.last_updated, ${kindOf(search.type, 'body')} ${content} AS content`

export const withBodies = ({ type }: Search): SqlFragment =>
  sql.fragment`page JOIN ${searchedOf(type)} AS body ON body.patient_id = page.patient_id AND body.pk = page.pk`
