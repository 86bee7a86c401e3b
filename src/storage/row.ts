import type { ResourceType } from '@medplum/fhirtypes'
import type { CommonTokens } from './search/common-tokens.ts'
import { name, type SqlFragment, sql } from './sql.ts'

/**
 * The names under which a question finds the facts of one row. The same SQL is bound to a row of the tables (searches)
 * or to a candidate that is in no table yet (writes, old versions), so the two cannot drift apart.
 */
export type RowNames = {
  readonly type: ResourceType
  /** Columns patient_id, pk, id, last_updated, owner, author, content; an Observation's facts as well. */
  readonly row: SqlFragment
  /** Columns patient_id, pk, kind_id, device_id, effective_start, effective_end, is_joint, lasts_from, lasts_until, last_updated. */
  readonly facts: SqlFragment
  /** The relation of the row's observation_code rows. */
  readonly codes: SqlFragment
  /** The relation of what the row was derived from: columns patient_id, pk, source_pk. */
  readonly sources: SqlFragment
  /** Set where the row was found by one of its own observation_code rows (component 0): its alias, and the test of its class. */
  readonly code?: { readonly alias: SqlFragment; readonly class: SqlFragment }
  /** Whether the index tables and `tokens` know the row. */
  readonly indexed: boolean
  /** Set where an AuditEvent may be one that is made of what was recorded: columns record and subjects. */
  readonly recorded?: true
  /** Tokens by which it is not looked for: it comes soon enough in the order that is asked. */
  readonly common?: CommonTokens
}

/** All that how it stands to others is asked by. */
export type RelatedRow = Pick<RowNames, 'type' | 'row' | 'facts' | 'codes' | 'sources'>

/** `ResearchStudy` → `research_study`, as the first migration names its tables. */
const tableName = (type: ResourceType): string => type.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()

export const tableOf = (type: ResourceType): SqlFragment => name(tableName(type))

/** The relation that a search of the type asks: of AuditEvents also those that stand in no table of their own. */
export const searchedOf = (type: ResourceType): SqlFragment =>
  type === 'AuditEvent' ? name('audit_event_shown') : tableOf(type)

export const historyOf = (type: ResourceType): SqlFragment => name(`${tableName(type)}_history`)

/** The number of the type, as `resource_identity` has it. */
export const typeIdOf = (type: ResourceType): SqlFragment =>
  sql.fragment`(SELECT type_id FROM resource_type WHERE resource_type.name = ${sql.literalValue(type)})`

/** The column that has the kind of an Observation, and a comma; of other types nothing. */
export const kindOf = (type: ResourceType, alias: string): SqlFragment =>
  type === 'Observation' ? sql.fragment`${name(alias)}.kind_id,` : sql.fragment``

/** A row of the tables under the alias. */
export const storedRow = (type: ResourceType, alias: string): RowNames => ({
  type,
  row: name(alias),
  facts: name(alias),
  codes: sql.fragment`observation_code`,
  sources: sql.fragment`derived_from`,
  // What is recorded of accesses is in none of them.
  indexed: type !== 'AuditEvent',
})
