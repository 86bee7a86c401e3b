import type { ElementPath } from '../../fhir/definition/search-parameter.ts'
import { conjuncts, type Expression } from '../../search/expression.ts'
import { isProvenanceTarget } from '../../search/stored-elsewhere.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { type RowNames, storedRow, tableOf, typeIdOf } from '../row.ts'
import { allOf, anyOf, name, type SqlFragment, sql } from '../sql.ts'
import { element, elementText, jsonPath, someElement } from '../values/element.ts'
import { broughtByUpload } from './compile-uploaded.ts'
import type { Compiling } from './compiling.ts'
import { drivingCode } from './driving-code.ts'
import { drivingClasses } from './driving-codes.ts'
import { isHot } from './hot.ts'
import { referencesPrefilter } from './index-prefilter.ts'

type Chain = Extract<Expression, { kind: 'chain' }>
type There = Extract<Expression, { kind: 'there' }>
type Listed = Extract<Expression, { kind: 'listed' }>
type Has = Extract<Expression, { kind: 'has' }>
type Names = Extract<Expression, { kind: 'names' }>

/**
 * The row refers to a resource for which the inner question holds. The members of a Group are those of its study, and those that it names.
 * https://hl7.org/fhir/R4/search.html#chaining
 */
export const compileChain = (chain: Chain, at: Compiling): SqlFragment => {
  const { parameter, target, of, among } = chain
  const { row } = at
  const { alias, from } = targets({ target, of }, at)
  if (leadsToPatients({ parameter, target }, row))
    return sql.fragment`${row.facts}.patient_id IN (SELECT ${name(alias)}.patient_id ${from})`
  const named = someElement(sql.fragment`${row.row}.content`, parameter.paths, datatype => [
    datatype === 'Reference'
      ? {
          holds: readOnce(sql.fragment`split_part(${element} ->> 'reference', '/_history/', 1)
            IN (SELECT ${`${target}/`} || ${name(alias)}.id ${from})`),
        }
      : {
          holds: readOnce(sql.fragment`${elementText} IN (
            SELECT unnest(ARRAY[${sql.join(canonicalsOf({ row: name(alias), type: target }), sql.fragment`, `)}]) ${from})`),
        },
  ])
  if (leadsToMembers(parameter, row)) {
    const enrolled = sql.fragment`${row.row}.id IN (
      SELECT study.group_id FROM study JOIN enrolment ON enrolment.study_id = study.id
      WHERE ${isEnrolled} AND (enrolment.patient_id, enrolment.patient) IN (SELECT ${name(alias)}.patient_id, ${name(alias)}.id ${from}))`
    return anyOf([enrolled, named])
  }
  const there = targetThere(chain, at)
  const texts = among?.map(id => `${target}/${id}`)
  const known = texts === undefined ? undefined : referencesPrefilter(parameter, texts, row)
  return allOf([named, ...[there, known].filter(one => one !== undefined)])
}

/** As a condition by itself PostgreSQL would take it for a join, and read the targets again for each row; so it keeps them. */
const readOnce = (isAmong: SqlFragment): SqlFragment => sql.fragment`coalesce(${isAmong}, FALSE)`

/** The texts by which a canonical may name the row: its URL, with or without its version, or `Type/id`. */
const canonicalsOf = ({ row, type }: Pick<RowNames, 'row' | 'type'>): readonly SqlFragment[] => [
  sql.fragment`${row}.content ->> 'url'`,
  sql.fragment`(${row}.content ->> 'url') || '|' || (${row}.content ->> 'version')`,
  sql.fragment`${`${type}/`} || ${row}.id`,
]

/**
 * There is anything at all to which the chain could lead. This asks nothing of the row, so PostgreSQL answers it once, and looks at no row if
 * there is nothing. Undefined for a chain that is not compiled by what the row names, and for every link but the first: it repeats the inner
 * question, so each link would double the statement.
 */
export const targetThere = (chain: Expression, at: Compiling): SqlFragment | undefined => {
  if (at.depth > 0 || chain.kind !== 'chain' || leadsToPatients(chain, at.row)) return undefined
  if (leadsToMembers(chain.parameter, at.row)) return undefined
  return sql.fragment`EXISTS (SELECT ${targets(chain, at).from})`
}

/** Whether the index of references knows what the chain leads to. */
export const leadsByIndex = (chain: Chain, row: RowNames): boolean =>
  row.indexed &&
  !isHot(chain.parameter) &&
  !leadsToMembers(chain.parameter, row) &&
  chain.parameter.paths.every(path => isReference(path) && path.test === undefined)

const leadsToMembers = ({ code }: Chain['parameter'], { type }: RowNames): boolean =>
  type === 'Group' && code === 'member'

/** Whether a chain leads from an Observation to the Patient in whose compartment it is. */
export const leadsToPatients = (
  { parameter, target }: Pick<Chain, 'parameter' | 'target'>,
  { type }: RowNames,
): boolean => target === 'Patient' && type === 'Observation' && subjects.has(parameter.code)

/** A query of the patient_id of each Patient to whom such a chain leads. */
export const patientsOf = (chain: Chain, at: Compiling): SqlFragment => {
  const { alias, from } = targets(chain, at)
  return sql.fragment`SELECT ${name(alias)}.patient_id ${from}`
}

const targets = ({ target, of }: Pick<Chain, 'target' | 'of'>, at: Compiling) => {
  const alias = `target_${at.depth}`
  const inner = at.compile(of, { ...at, row: storedRow(target, alias), depth: at.depth + 1 })
  return { alias, from: sql.fragment`FROM ${tableOf(target)} AS ${name(alias)} WHERE ${inner}` }
}

/** A resource of the source type, for which the inner question holds, refers to the row. https://hl7.org/fhir/R4/search.html#has */
export const compileHas = (asked: Has, at: Compiling): SqlFragment => {
  const { source, parameter, of } = asked
  const { row, depth } = at
  if (row.type === 'Patient' && source === 'Observation' && subjects.has(parameter.code)) return hasMeasured(asked, at)
  const alias = `source_${depth}`
  const inner = at.compile(of, { ...at, row: storedRow(source, alias), depth: depth + 1 })
  const elementsAt = (path: ElementPath) => sql.fragment`${tableOf(source)} AS ${name(alias)},
    jsonb_path_query(${name(alias)}.content, ${jsonPath(path)}::jsonpath) AS element(value)`
  const references = parameter.paths.filter(isReference).map(
    path => sql.fragment`
      SELECT split_part(${element} ->> 'reference', '/', 2) FROM ${elementsAt(path)}
      WHERE split_part(${element} ->> 'reference', '/', 1) = ${row.type} AND ${inner}`,
  )
  const canonicals = parameter.paths
    .filter(path => !isReference(path))
    .map(path => sql.fragment`SELECT ${elementText} FROM ${elementsAt(path)} WHERE ${inner}`)
  const named = anyOf([
    ...isAmong(sql.fragment`${row.row}.id`, references),
    // Each as a condition of its own: then PostgreSQL looks the row up in what it has read once; with one for several, it reads everything again for
    // each row.
    ...canonicalsOf(row).flatMap(text => isAmong(text, canonicals)),
  ])
  if (isProvenanceTarget(parameter) && row.type === 'Observation')
    return anyOf([broughtByUpload(row, alias, inner), named])
  if (source !== 'Group' || parameter.code !== 'member' || row.type !== 'Patient') return named
  const enrolled = sql.fragment`(${row.row}.patient_id, ${row.row}.id) IN (
    SELECT enrolment.patient_id, enrolment.patient FROM enrolment JOIN study ON study.id = enrolment.study_id
    WHERE ${isEnrolled} AND study.group_id IN (SELECT ${name(alias)}.id FROM "group" AS ${name(alias)} WHERE ${inner}))`
  return anyOf([enrolled, named])
}

/**
 * Observations about the Patient of the row. They are in the Patient's compartment (which Patients of one human share), so its Observations are
 * looked at one after another until one names the row. Without `OFFSET 0` and the inner SELECTs, PostgreSQL would join instead, and so read the
 * Observations of all patients.
 */
const hasMeasured = ({ parameter, of }: Has, at: Compiling): SqlFragment => {
  const alias = `source_${at.depth}`
  const stored = storedRow('Observation', alias)
  const asked = conjuncts(of)
  const driving = drivingCode(asked, stored, at.classes) ?? drivingClasses(asked, stored, at.classes)
  const rest = asked.filter(one => one !== driving?.match)
  const names = someElement(sql.fragment`${name(alias)}.content`, parameter.paths.filter(isReference), () => [
    { holds: sql.fragment`split_part(${element} ->> 'reference', '/_history/', 1) = 'Patient/' || ${at.row.row}.id` },
  ])
  const own = (facts: SqlFragment) => sql.fragment`${facts}.patient_id = ${at.row.row}.patient_id`
  const row = driving?.row ?? stored
  const conditions = [...rest.map(one => at.compile(one, { ...at, row, depth: at.depth + 1 })), names]
  const observation = sql.fragment`observation AS ${name(alias)}`
  if (driving === undefined) {
    const each = conditions.map(one => sql.fragment`(SELECT ${one})`)
    return sql.fragment`EXISTS (SELECT FROM ${observation} WHERE ${allOf([own(name(alias)), ...each])} OFFSET 0)`
  }
  const same = sql.fragment`${name(alias)}.patient_id = hot.patient_id AND ${name(alias)}.pk = hot.pk`
  const hot = sql.fragment`observation_code AS hot`
  if (driving.needsBody) {
    const each = conditions.map(one => sql.fragment`(SELECT ${one})`)
    return sql.fragment`EXISTS (
      SELECT FROM ${hot} JOIN ${observation} ON ${same} WHERE ${allOf([own(row.facts), driving.where, ...each])} OFFSET 0)`
  }
  const each = sql.fragment`(SELECT EXISTS (SELECT FROM ${observation} WHERE ${allOf([same, ...conditions])}))`
  return sql.fragment`EXISTS (SELECT FROM ${hot} WHERE ${allOf([own(row.facts), driving.where, each])} OFFSET 0)`
}

const isReference = ({ datatype }: ElementPath): boolean => datatype === 'Reference'

const isAmong = (value: SqlFragment, lists: readonly SqlFragment[]): readonly SqlFragment[] =>
  lists.length === 0 ? [] : [sql.fragment`${value} IN (${sql.join(lists, sql.fragment` UNION ALL `)})`]

/** Like a chain, but entered from the row, by the id that its relative reference names. */
export const compileNames = ({ paths, target, versioned, of }: Names, at: Compiling): SqlFragment => {
  const { row, depth } = at
  const alias = `named_${depth}`
  const inner = at.compile(of, { ...at, row: storedRow(target, alias), depth: depth + 1 })
  const reference = versioned
    ? sql.fragment`jsonb_build_object('reference', split_part(${element} ->> 'reference', '/_history/', 1))`
    : element
  return someElement(sql.fragment`${row.row}.content`, paths, () => [
    {
      holds: sql.fragment`EXISTS (
        SELECT FROM resource_identity AS identity
        JOIN ${tableOf(target)} AS ${name(alias)}
          ON ${name(alias)}.patient_id = identity.patient_id AND ${name(alias)}.pk = identity.pk
        WHERE identity.type_id = ${typeIdOf(target)}
          AND identity.id = referenced_id(${reference}, ${target}) AND ${inner})`,
    },
  ])
}

/**
 * Some List has the row as an item that is not marked as deleted. Its items are looked up by the key that all resources have, as an array, which
 * PostgreSQL takes for few; otherwise it would compare all rows with them. https://hl7.org/fhir/R4/search.html#list
 */
export const compileListed = ({ by }: Listed, at: Compiling): SqlFragment => {
  const { row, depth } = at
  const alias = `list_${depth}`
  const inner = at.compile(by, { ...at, row: storedRow('List', alias), depth: depth + 1 })
  const items = sql.fragment`
    SELECT split_part(item.reference #>> '{}', '/', 2)
    FROM list AS ${name(alias)},
      jsonb_path_query(${name(alias)}.content, '$.entry[*] ? (!(@.deleted == true)).item.reference') AS item(reference)
    WHERE split_part(item.reference #>> '{}', '/', 1) = ${row.type} AND ${inner}`
  if (!row.indexed) return sql.fragment`${row.row}.id IN (${items})`
  return sql.fragment`(${row.row}.patient_id, ${row.row}.pk) IN (
    SELECT identity.patient_id, identity.pk FROM resource_identity AS identity
    WHERE identity.type_id = ${typeIdOf(row.type)}
      AND identity.id = ANY(ARRAY(${items})))`
}

/** It asks nothing of the row, so PostgreSQL answers it once. */
export const compileThere = ({ type, id, of }: There, at: Compiling): SqlFragment => {
  const alias = `there_${at.depth}`
  const inner = at.compile(of, { ...at, row: storedRow(type, alias), depth: at.depth + 1 })
  return sql.fragment`EXISTS (
    SELECT FROM resource_identity AS identity
    JOIN ${tableOf(type)} AS ${name(alias)}
      ON ${name(alias)}.patient_id = identity.patient_id AND ${name(alias)}.pk = identity.pk
    WHERE identity.type_id = ${typeIdOf(type)} AND identity.id = ${id} AND ${inner})`
}

const subjects: ReadonlySet<string> = new Set(['patient', 'subject'])
