import type { ResourceType } from '@medplum/fhirtypes'
import type { CommonTokens } from './search/common-tokens.ts'
import { name, type SqlFragment, sql } from './sql.ts'

/**
 * The names by which a question finds the facts of one row. The same SQL is bound to a row of the tables (in searches) or to a candidate
 * that is in no table yet (in writes, and for old versions), so that the two cannot drift apart.
 */
export type RowNames = {
  readonly type: ResourceType
  /** Columns patient_id, pk, id, last_updated, owner, author, content; an Observation's facts as well. */
  readonly row: SqlFragment
  /** Columns patient_id, pk, kind_id, device_id, effective_start, effective_end, is_joint, lasts_from, lasts_until, last_updated. */
  readonly facts: SqlFragment
  /** The relation with the row's observation_code rows. */
  readonly codes: SqlFragment
  /** The relation with what the row was derived from: columns patient_id, pk, source_pk. */
  readonly sources: SqlFragment
  /** The relation with the patients of what is about several: columns patient_id, pk. */
  readonly compartments: SqlFragment
  /** Set if the row was found by the observation_code row of its own code: the alias of that row, and the test of its class. */
  readonly code?: { readonly alias: SqlFragment; readonly class: SqlFragment }
  /** Whether the index tables and `tokens` know the row. */
  readonly indexed: boolean
  /** Set for AuditEvents, some of which are made from records: columns record and subjects. */
  readonly recorded?: true
  /** Tokens so common that no index is used for them: reading rows in the order that is asked for soon comes across one. */
  readonly common?: CommonTokens
}

/** What a Relation asks of a row. */
export type RelatedRow = Pick<RowNames, 'type' | 'row' | 'facts' | 'codes' | 'sources' | 'compartments'>

/** `ResearchStudy` → `research_study`, as the first migration names its tables. */
export const tableName = (type: ResourceType): string => type.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()

export const tableOf = (type: ResourceType): SqlFragment => name(tableName(type))

/** The relation in which a search of the type looks. For AuditEvents it also has those that are made from records. */
export const searchedOf = (type: ResourceType): SqlFragment =>
  type === 'AuditEvent' ? name('audit_event_shown') : tableOf(type)

export const historyOf = (type: ResourceType): SqlFragment => name(`${tableName(type)}_history`)

/** The number of the type in `resource_identity`. */
export const typeIdOf = (type: ResourceType): SqlFragment =>
  sql.fragment`(SELECT type_id FROM resource_type WHERE resource_type.name = ${sql.literalValue(type)})`

/** The column with the kind of an Observation, and a comma; nothing for other types. */
export const kindOf = (type: ResourceType, alias: string): SqlFragment =>
  type === 'Observation' ? sql.fragment`${name(alias)}.kind_id,` : sql.fragment``

/** A row of the tables, by its alias. */
export const storedRow = (type: ResourceType, alias: string): RowNames => ({
  type,
  row: name(alias),
  facts: name(alias),
  codes: sql.fragment`observation_code`,
  sources: sql.fragment`derived_from`,
  compartments: sql.fragment`compartment`,
  // An AuditEvent that is made from a record is in no index.
  indexed: type !== 'AuditEvent',
})
