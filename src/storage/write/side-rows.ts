import type { Resource, ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import type { Candidate } from '../prepare/candidate.ts'
import { name, type SqlFragment, sql } from '../sql.ts'

/** Columns that only Observations have. Like the rows in the side tables, they are made from the content alone, and anew for each version. */
const facts = ['kind_id', 'device_id', 'effective_start', 'effective_end', 'is_joint', 'lasts_from', 'lasts_until']

/** The names of the columns that a type has beyond those of all types, to be appended to these; most types have none. */
export const factsOf = (type: ResourceType): SqlFragment => listed(type, name)

/** The same, each set to its value in `entry`. */
export const factsSetOf = (type: ResourceType): SqlFragment =>
  listed(type, fact => sql.fragment`${name(fact)} = entry.${name(fact)}`)

const listed = (type: ResourceType, each: (fact: string) => SqlFragment): SqlFragment =>
  type === 'Observation'
    ? sql.fragment`, ${sql.join(
        facts.map(fact => each(fact)),
        sql.fragment`, `,
      )}`
    : sql.fragment``

const sideTables = ['compartment', 'index_string', 'index_date', 'index_number', 'full_text']

/** Deletes the side rows of one type for which the condition on `pk` holds, in one statement. */
export const dropSideRows = async (connection: Connection, type: ResourceType, which: SqlFragment): Promise<void> => {
  const tables = type === 'Observation' ? [...sideTables, 'observation_code', 'sampled'] : sideTables
  const deletions = tables.map(
    table => sql.fragment`${name(`of_${table}`)} AS (DELETE FROM ${name(table)} WHERE ${which})`,
  )
  await connection.run(sql.fragment`WITH ${sql.join(deletions, sql.fragment`, `)} SELECT`)
}

/** CTEs that fill those side tables for which any candidate has rows, from `source`, which has the columns of `entry`. */
export const sideRows = (candidates: readonly Candidate[], source: SqlFragment): readonly SqlFragment[] =>
  fillings.flatMap(({ isNeeded, rows }) => (candidates.some(isNeeded) ? [rows(source)] : []))

type Filling = {
  readonly isNeeded: (candidate: Candidate) => boolean
  readonly rows: (source: SqlFragment) => SqlFragment
}

const fillings: readonly Filling[] = [
  {
    isNeeded: ({ facts }) => facts !== undefined,
    rows: source => sql.fragment`codes AS (
      INSERT INTO observation_code
      SELECT entry_code.* FROM entry_code WHERE entry_code.pk IN (SELECT pk FROM ${source})
    )`,
  },
  {
    isNeeded: ({ resource }) => isSampled(resource),
    rows: source => sql.fragment`samples AS (
      INSERT INTO sampled (patient_id, pk, effective_start, quarters, counts)
      SELECT source.patient_id, source.pk, source.effective_start, found.quarters, found.counts
      FROM ${source} AS source, sampled_quarters(source.content, source.effective_start) AS found
    )`,
  },
  {
    isNeeded: ({ patientIds }) => patientIds.length > 0,
    rows: source => sql.fragment`compartments AS (
      INSERT INTO compartment (patient_id, pk)
      SELECT entry_compartment.* FROM entry_compartment WHERE entry_compartment.pk IN (SELECT pk FROM ${source})
    )`,
  },
  {
    isNeeded: ({ index }) => index.strings.length > 0,
    rows: source => sql.fragment`strings AS (
      INSERT INTO index_string (parameter, value, patient_id, pk)
      SELECT one.parameter, one.value, source.patient_id, source.pk
      FROM ${source} AS source, jsonb_to_recordset(source.strings) AS one(parameter integer, value text)
    )`,
  },
  {
    isNeeded: ({ resource }) => 'text' in resource,
    rows: source => sql.fragment`words AS (
      INSERT INTO full_text (patient_id, pk, narrative)
      SELECT patient_id, pk, fhir_narrative_words(content) FROM ${source} AS source
      WHERE content #> '{text,div}' IS NOT NULL
    )`,
  },
  {
    isNeeded: ({ index }) => index.dates.length > 0,
    rows: source => sql.fragment`dates AS (
      INSERT INTO index_date (parameter, low, high, patient_id, pk)
      SELECT one.parameter, one.low, one.high, source.patient_id, source.pk
      FROM ${source} AS source,
        jsonb_to_recordset(source.dates) AS one(parameter integer, low timestamptz, high timestamptz)
    )`,
  },
  {
    isNeeded: ({ index }) => index.numbers.length > 0,
    rows: source => sql.fragment`numbers AS (
      INSERT INTO index_number (parameter, value, patient_id, pk)
      SELECT one.parameter, one.value, source.patient_id, source.pk
      FROM ${source} AS source, jsonb_to_recordset(source.numbers) AS one(parameter integer, value numeric)
    )`,
  },
]

const isSampled = (resource: Resource): boolean =>
  resource.resourceType === 'Observation' &&
  ('valueSampledData' in resource || (resource.component ?? []).some(one => 'valueSampledData' in one))
