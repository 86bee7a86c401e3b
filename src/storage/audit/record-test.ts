import type { Expression } from '../../search/expression.ts'
import type { Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { dateTest } from '../values/date.ts'
import { textTest } from '../values/string.ts'

type Match = Extract<Expression, { kind: 'match' }>

/**
 * A match on AuditEvents, of which those that are made of records need not be put together where the record alone says no: every event
 * that matches passes, some others may. Written AuditEvents, which have no record, are asked by their content alone. `decided` is asked last.
 */
export const recordTest = (match: Match, row: SqlFragment, decided: SqlFragment): SqlFragment => {
  const { parameter, value } = match
  const narrow = tests[parameter.code]?.(value, row)
  const possible = narrow && sql.fragment`(${row}.record IS NULL OR ${narrow})`
  const exact = exactTests[parameter.code]?.(value, row)
  if (exact !== undefined) {
    const known = sql.fragment`CASE WHEN ${row}.record IS NULL THEN ${decided} ELSE ${exact} END`
    return possible ? sql.fragment`(${possible} AND ${known})` : known
  }
  // A CASE, for PostgreSQL takes looking a record up for dearer than putting the event together.
  return possible ? sql.fragment`CASE WHEN ${possible} THEN ${decided} ELSE FALSE END` : decided
}

type Test = (value: Value, row: SqlFragment) => SqlFragment | undefined

const ofRecord = (row: SqlFragment, holds: SqlFragment): SqlFragment =>
  sql.fragment`EXISTS (SELECT FROM audit_record AS entry WHERE entry.id = ${row}.record AND ${holds})`

/** By time there is an index. The milliseconds that an event has are no more exact. */
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

/** An event tells the moment of its record to the millisecond. */
const exactDate: Test = (value, row) => {
  const low = sql.fragment`date_trunc('milliseconds', ${row}.last_updated)`
  return value.kind === 'date' ? dateTest(low, sql.fragment`${low} + interval '1 millisecond'`, value) : undefined
}

const named = (id: string, row: SqlFragment): SqlFragment => sql.fragment`${id} = ANY(${row}.subjects)`

const patient: Test = (value, row) =>
  value.kind === 'reference' && (value.type ?? 'Patient') === 'Patient' ? named(value.id, row) : undefined

const entity: Test = (value, row) =>
  value.kind === 'reference' && value.type === 'Patient' ? named(value.id, row) : undefined

const agent: Test = (value, row) => {
  if (value.kind !== 'reference') return undefined
  if (value.type === 'Patient') return named(value.id, row)
  return value.type === 'Practitioner' ? ofRecord(row, sql.fragment`entry.practitioner = ${value.id}`) : undefined
}

/** All other interactions are E. */
const interactions: Readonly<Record<string, readonly string[]>> = {
  C: ['create'],
  R: ['read', 'vread', 'history-instance'],
  U: ['update', 'patch'],
  D: ['delete'],
}

const action: Test = (value, row) => {
  const of = value.kind === 'token' ? interactions[value.code ?? ''] : undefined
  return of && ofRecord(row, sql.fragment`entry.interaction = ANY(${sql.array([...of], 'text')})`)
}

/** A sign-in has a code of DICOM's. */
const subtype: Test = (value, row) =>
  value.kind === 'token' && value.code !== undefined
    ? ofRecord(row, sql.fragment`entry.interaction IN (${value.code}, 'sign-in')`)
    : undefined

/** What stands in the event, and all of it. */
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

/** Of whoever was ever called so: which name they had then, the event says. */
const agentName: Test = (value, row) => {
  if (value.kind !== 'string') return undefined
  const isCalled = (name: SqlFragment) => textTest(value, name)
  const ofResource = (current: SqlFragment, past: SqlFragment, type: string) => sql.fragment`(
    SELECT named.id FROM ${current} AS named WHERE ${isCalled(sql.fragment`audit_name(named.content -> 'name')`)}
    UNION SELECT identity.id FROM ${past} AS past
    JOIN resource_identity AS identity ON identity.patient_id = past.patient_id AND identity.pk = past.pk
      AND identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = ${type})
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

/** As the event calls them. */
const nobodyOfStaff = 'Somebody else, who is no staff'

const tests: Readonly<Record<string, Test>> = {
  date,
  patient,
  entity,
  agent,
  action,
  subtype,
  'agent-name': agentName,
}

/** What the record alone says in full: nearly all were done, and many in a day, so nearly all would be put together. */
const exactTests: Readonly<Record<string, Test>> = { date: exactDate, outcome }
