import type { SearchParameter } from '../../../fhir/definition/search-parameter.ts'
import type { Expression } from '../../../search/expression.ts'
import type { Value } from '../../../search/value.ts'
import { typeIdOf } from '../../row.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../../sql.ts'
import { dateTest, millisecondTest } from '../../values/date.ts'
import { present } from '../../values/element.ts'
import { textTest } from '../../values/string.ts'
import { matchValue } from '../../values/value.ts'
import { firstOfInstallation } from './recorded-key.ts'
import { nobodyOfStaff, recordedAction, recordedPart, recordedSubtype } from './recorded-part.ts'

type Match = Extract<Expression, { kind: 'match' }>
type DateValue = Extract<Value, { kind: 'date' }>

/**
 * A match on AuditEvents. Those that are made of records are not assembled if the record itself says what the event would. Written AuditEvents, which
 * have no record, and those of the installation, which are stored as they are shown, are matched by their content. `decided` is tested last.
 */
export const recordTest = (match: Match, row: SqlFragment, decided: SqlFragment): SqlFragment => {
  const { parameter, value } = match
  const narrow = tests[parameter.code]?.(value, row)
  const exact = exactTests[parameter.code]?.(value, row) ?? partTest(match, row)
  const possible = narrow && sql.fragment`(${row}.record IS NULL OR ${narrow})`
  if (exact === undefined) return decided
  const known = byRecord(row, { decided, exact })
  // By time there is an index. For the others it is a CASE, since PostgreSQL believes that looking up a record costs more than assembling the event.
  if (possible === undefined) return known
  return parameter.code === 'date'
    ? sql.fragment`(${possible} AND ${known})`
    : sql.fragment`CASE WHEN ${possible} THEN ${known} ELSE FALSE END`
}

/** A match on `_lastUpdated`, by the index of the time as well. */
export const recordLastUpdated = (value: DateValue, row: SqlFragment): SqlFragment => {
  const known = millisecondTest(momentOf(row), value)
  const possible = date(value, row)
  return possible === undefined ? known : allOf([possible, known])
}

/** The same for whether an event has any value. */
export const recordHas = (parameter: SearchParameter, row: SqlFragment, decided: SqlFragment): SqlFragment => {
  const part = recordedPart(parameter.code, row)
  const exact = presences[parameter.code]?.(row) ?? (part && present(part, parameter.paths))
  return exact === undefined ? decided : byRecord(row, { decided, exact })
}

type Either = { readonly decided: SqlFragment; readonly exact: SqlFragment }

const byRecord = (row: SqlFragment, { decided, exact }: Either): SqlFragment =>
  sql.fragment`CASE WHEN ${row}.record IS NULL OR ${row}.pk < ${firstOfInstallation} THEN ${decided} ELSE ${exact} END`

const partTest = ({ parameter, value }: Match, row: SqlFragment): SqlFragment | undefined => {
  const part = recordedPart(parameter.code, row)
  return part && matchValue(part, parameter, value)
}

type Test = (value: Value, row: SqlFragment) => SqlFragment | undefined

/** Not an EXISTS: PostgreSQL would often read all records for it first, also if those of the first page are the newest. */
const ofRecord = (row: SqlFragment, holds: SqlFragment): SqlFragment =>
  sql.fragment`coalesce((SELECT ${holds} FROM audit_record AS entry WHERE entry.id = ${row}.record), FALSE)`

/** An event is no more exact than milliseconds. */
const date: Test = (value, row) => {
  if (value.kind !== 'date') return undefined
  const from = sql.fragment`${row}.last_updated >= ${value.low}::timestamptz - interval '1 second'`
  const to = sql.fragment`${row}.last_updated < ${value.high}::timestamptz + interval '1 second'`
  switch (value.prefix) {
    case 'eq':
      return sql.fragment`(${from} AND ${to})`
    case 'gt':
    case 'ge':
    case 'sa':
      return from
    case 'lt':
    case 'le':
    case 'eb':
      return to
    default:
      return undefined
  }
}

/** An event has the moment of its record, to the millisecond. */
const momentOf = (row: SqlFragment): SqlFragment => sql.fragment`date_trunc('milliseconds', ${row}.last_updated)`

const exactDate: Test = (value, row) => {
  const low = momentOf(row)
  return value.kind === 'date' ? dateTest(low, sql.fragment`${low} + interval '1 millisecond'`, value) : undefined
}

const named = (id: string, row: SqlFragment): SqlFragment => sql.fragment`${id} = ANY(${row}.subjects)`

const patient: Test = (value, row) =>
  value.kind === 'reference' && (value.type ?? 'Patient') === 'Patient' ? named(value.id, row) : undefined

const entity: Test = (value, row) => {
  if (value.kind !== 'reference') return undefined
  const { type, id } = value
  if (type === 'Patient') return named(id, row)
  if (type === undefined) {
    const beside = Object.values(besides).flatMap(each => each(id, row))
    return anyOf([
      named(id, row),
      ofRecord(row, anyOf([allOf([namesResource, sql.fragment`entry.resource = ${id}`]), ...beside])),
    ])
  }
  const itself = sql.fragment`(entry.type = ${type} AND entry.resource = ${id})`
  return ofRecord(row, anyOf([itself, ...(besides[type]?.(id, row) ?? [])]))
}

/** A record `entry` names a resource other than a patient, of whom only those are named whom the reader may know. */
const namesResource = sql.fragment`(
  entry.resource IS NOT NULL AND entry.type NOT LIKE '% %' AND entry.type <> 'Patient')`

/** What an event names as the study, or as what allowed the access. */
const besides: Readonly<Record<string, (id: string, row: SqlFragment) => readonly SqlFragment[]>> = {
  ResearchStudy: (id, row) => [
    sql.fragment`entry.study = ${id}`,
    allowedBy(sql.fragment`given_to`, `ResearchStudy/${id}`, row),
  ],
  Consent: (id, row) => [allowedBy(sql.fragment`consent`, id, row)],
}

/** Which of the noted Consents the reader is told is only checked if it is among them, since that takes longer. */
const allowedBy = (column: SqlFragment, is: string, row: SqlFragment): SqlFragment => sql.fragment`(
  EXISTS (SELECT FROM audit_consent AS noted WHERE noted.record = entry.id AND noted.${column} = ${is})
  AND EXISTS (
    SELECT FROM audit_consents_shown(${row}.record, ${row}.subjects, ${row}.owner) AS told WHERE told.${column} = ${is}))`

const agent: Test = (value, row) => {
  if (value.kind !== 'reference') return undefined
  const practitioner = sql.fragment`entry.practitioner = ${value.id}`
  const patient = sql.fragment`(entry.practitioner IS NULL AND entry.patient = ${value.id} AND ${named(value.id, row)})`
  switch (value.type) {
    case undefined:
      return ofRecord(row, anyOf([practitioner, patient]))
    case 'Practitioner':
      return ofRecord(row, practitioner)
    case 'Patient':
      return ofRecord(row, patient)
    default:
      return sql.fragment`FALSE`
  }
}

/** Everybody who was ever called so: only for these is it looked up which name they had at the time. */
const agentName: Test = (value, row) => {
  if (value.kind !== 'string') return undefined
  const isCalled = (name: SqlFragment) => textTest(value, name)
  const ofResource = (
    current: SqlFragment,
    past: SqlFragment,
    type: 'Person' | 'Practitioner' | 'Patient',
  ) => sql.fragment`(
    SELECT named.id FROM ${current} AS named WHERE ${isCalled(sql.fragment`audit_name(named.content -> 'name')`)}
    UNION SELECT identity.id FROM ${past} AS past
    JOIN resource_identity AS identity ON identity.patient_id = past.patient_id AND identity.pk = past.pk
      AND identity.type_id = ${typeIdOf(type)}
    WHERE ${isCalled(sql.fragment`audit_name(past.content -> 'name')`)})`
  return ofRecord(
    row,
    sql.fragment`(
      entry.practitioner IN ${ofResource(sql.fragment`practitioner`, sql.fragment`practitioner_history`, 'Practitioner')}
      OR entry.client IN (
        SELECT client.id FROM client WHERE ${isCalled(sql.fragment`client.name`)}
        UNION SELECT client_past.client FROM client_past WHERE ${isCalled(sql.fragment`client_past.name`)})
      OR (entry.practitioner IS NULL AND (
        entry.person IN ${ofResource(sql.fragment`person`, sql.fragment`person_history`, 'Person')}
        OR ((entry.person IS NOT NULL OR entry.patient IS NOT NULL) AND ${isCalled(sql.fragment`${nobodyOfStaff}::text`)}))))`,
  )
}

/** Studies that ever had such a title: only for these is it looked up whether the event names them, and which title they had at the time. */
const entityName: Test = (value, row) => {
  if (value.kind !== 'string') return undefined
  const isCalled = (study: SqlFragment) => textTest(value, sql.fragment`(${study}.content ->> 'title')`)
  const studies = (reference: SqlFragment) => sql.fragment`(
    SELECT ${reference} || named.id FROM research_study AS named WHERE ${isCalled(sql.fragment`named`)}
    UNION SELECT ${reference} || identity.id FROM research_study_history AS past
    JOIN resource_identity AS identity ON identity.patient_id = past.patient_id AND identity.pk = past.pk
      AND identity.type_id = ${typeIdOf('ResearchStudy')}
    WHERE ${isCalled(sql.fragment`past`)})`
  return ofRecord(
    row,
    sql.fragment`(
      entry.study IN ${studies(sql.fragment`''`)}
      OR EXISTS (
        SELECT FROM audit_consent AS noted
        WHERE noted.record = entry.id AND noted.given_to IN ${studies(sql.fragment`'ResearchStudy/'`)}))`,
  )
}

/** All that the event can say. */
const outcome: Test = (value, row) => {
  if (value.kind !== 'token' || value.system !== undefined || value.code === undefined) return undefined
  switch (value.code) {
    case '0':
      return ofRecord(row, sql.fragment`entry.outcome < 400`)
    case '4':
      return ofRecord(row, sql.fragment`entry.outcome >= 400 AND entry.outcome < 500`)
    case '8':
      return ofRecord(row, sql.fragment`entry.outcome >= 500`)
    default:
      return sql.fragment`FALSE`
  }
}

const coded =
  (recorded: SqlFragment): Test =>
  (value, row) =>
    value.kind === 'token' && value.code !== undefined
      ? ofRecord(row, sql.fragment`${recorded} = ${value.code}`)
      : undefined

/** What holds of the record wherever the parameter matches. */
const tests: Readonly<Record<string, Test>> = {
  date,
  'agent-name': agentName,
  'entity-name': entityName,
  action: coded(recordedAction),
  subtype: coded(recordedSubtype),
}

const isOfPatients = (row: SqlFragment): SqlFragment => sql.fragment`cardinality(${row}.subjects) > 0`

/** Whether an event names any. If it names no patient, it names no Consent either, since it names only theirs. */
const presences: Readonly<Record<string, (row: SqlFragment) => SqlFragment>> = {
  patient: isOfPatients,
  entity: row =>
    anyOf([
      isOfPatients(row),
      ofRecord(
        row,
        anyOf([namesResource, sql.fragment`entry.study IS NOT NULL`, sql.fragment`entry.request IS NOT NULL`]),
      ),
    ]),
}

/** Parameters that the columns answer completely. */
const exactTests: Readonly<Record<string, Test>> = { date: exactDate, outcome, patient, entity, agent }
