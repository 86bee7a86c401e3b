import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { type RowNames, typeIdOf } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { IndexRows } from './index-rows.ts'
import type { CandidateFacts, Said } from './numbers.ts'
import { placeholderTables } from './placeholder-tables.ts'
import type { Placeholders } from './placeholders.ts'

/** A resource with everything that its tables will hold, numbered by the dictionaries, but not in the tables yet. */
export type Candidate = {
  readonly type: ResourceType
  readonly resource: Resource
  readonly id: string
  readonly pk: string
  readonly version: number
  readonly lastUpdated: Date
  readonly patientId: number
  /** Further patients in whose compartments it is. */
  readonly patientIds: readonly number[]
  readonly owner: string | null
  readonly author: number
  /** JSON text, with id and meta. */
  readonly content: string
  readonly index: IndexRows
  readonly facts?: CandidateFacts
  /** Set if the dictionaries do not have all that it says yet: it can be asked about, and gets its numbers before it is written. */
  readonly unnumbered?: Unnumbered
}

type Unnumbered = {
  readonly said: Said
  /** Those of all resources that were prepared together. */
  readonly placeholders: Placeholders
}

/**
 * CTEs `entry`, `entry_code`, `entry_source` and `entry_compartment` that hold candidates of one type as if they were rows of its tables. The contents are sent as they
 * are, inside one JSON text, so that PostgreSQL parses them once.
 */
export const entryTables = (candidates: readonly Candidate[]): SqlFragment => sql.fragment`
  ${withPlaceholders(candidates)} entry AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(${entryJson(candidates)}::jsonb) AS entry(
      patient_id integer, pk bigint, id text, version integer, last_updated timestamptz, owner text, author integer,
      content jsonb, tokens bigint[], strings jsonb, dates jsonb, numbers jsonb, patients jsonb, codes jsonb,
      kind_id integer, device_id integer, effective_start timestamptz, effective_end timestamptz, is_joint boolean,
      statistic smallint, lasts_from timestamptz, lasts_until timestamptz)
  ),
  entry_code AS (
    SELECT entry.patient_id, code.code_id, entry.kind_id, entry.device_id, code.component, entry.is_joint,
      entry.effective_start, entry.effective_end, entry.pk, code.unit_id, code.value,
      entry.last_updated, entry.statistic, code.also_code_id, entry.lasts_from, entry.lasts_until
    FROM entry, jsonb_to_recordset(entry.codes) AS code(
      code_id integer, also_code_id integer, component smallint, unit_id integer, value numeric)
  ),
  entry_source AS (
    SELECT entry.patient_id, entry.pk, coalesce(identity.pk, 0) AS source_pk
    FROM entry
    CROSS JOIN jsonb_array_elements(entry.content -> 'derivedFrom') AS source
    LEFT JOIN resource_identity AS identity ON identity.id = referenced_id(source, 'Observation')
      AND identity.patient_id = entry.patient_id
      AND identity.type_id = ${typeIdOf('Observation')}
  ),
  entry_compartment AS (
    SELECT patient::integer AS patient_id, entry.pk FROM entry, jsonb_array_elements_text(entry.patients) AS patient
  )`

/** Each is followed by a comma. */
const withPlaceholders = (candidates: readonly Candidate[]): SqlFragment => {
  const [placeholders, ...others] = new Set(candidates.flatMap(one => one.unnumbered?.placeholders ?? []))
  if (others.length > 0) throw new Error('their placeholders are of several numberings')
  if (placeholders === undefined) return sql.fragment``
  return sql.fragment`${sql.join(placeholderTables(placeholders), sql.fragment`, `)},`
}

/** A candidate as the compiler sees a row. */
export const entryRow = (type: ResourceType): RowNames => ({
  type,
  row: sql.fragment`entry`,
  facts: sql.fragment`entry`,
  codes: sql.fragment`entry_code`,
  sources: sql.fragment`entry_source`,
  compartments: sql.fragment`entry_compartment`,
  indexed: false,
})

const entryJson = (candidates: readonly Candidate[]): string => `[${candidates.map(entryText).join(',')}]`

const entryText = ({ content, index, facts, ...entry }: Candidate): string => {
  const columns = JSON.stringify({
    patient_id: entry.patientId,
    pk: entry.pk,
    id: entry.id,
    version: entry.version,
    last_updated: entry.lastUpdated,
    owner: entry.owner,
    author: entry.author,
    strings: index.strings,
    dates: index.dates,
    numbers: index.numbers,
    patients: entry.patientIds,
    ...(facts === undefined ? {} : factColumns(facts)),
  })
  return `${columns.slice(0, -1)},"tokens":[${index.tokens.join(',')}],"content":${content}}`
}

const factColumns = ({ kindId, deviceId, low, high, isJoint, lasting, statistic, codes }: CandidateFacts) => ({
  kind_id: kindId,
  device_id: deviceId,
  effective_start: low,
  effective_end: high,
  is_joint: isJoint,
  lasts_from: lasting?.low === low ? undefined : lasting?.low,
  lasts_until: lasting?.high === high ? undefined : lasting?.high,
  statistic,
  codes: codes.map(({ component, codeId, alsoCodeId, value, unitId }) => ({
    component,
    code_id: codeId,
    also_code_id: alsoCodeId,
    value,
    unit_id: unitId,
  })),
})
