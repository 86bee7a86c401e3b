import type { Resource } from '@medplum/fhirtypes'
import type { Restricted } from '../../access/access.ts'
import type { CodeClasses } from '../../fhir/code-class.ts'
import { compile } from '../compile/compile.ts'
import type { Connection } from '../database.ts'
import { type Candidate, entryRow, entryTables } from '../prepare/candidate.ts'
import { tableOf } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { changes } from './changes.ts'

/**
 * Writes new resources of one type, those that the question lets pass, with all their side rows, in one statement.
 * Answers the pks that were written; the others changed nothing. What comes back after a deletion has its identity still.
 */
export const insertResources = async (
  connection: Connection,
  typeId: number,
  candidates: readonly Candidate[],
  allowed: Restricted,
  classes: CodeClasses,
): Promise<ReadonlySet<string>> => {
  const [first] = candidates
  if (first === undefined) return new Set()
  const { type } = first
  const rows = await connection.any<{ pk: string }>(sql.fragment`
    WITH ${entryTables(candidates)},
    allowed AS MATERIALIZED (
      SELECT entry.* FROM entry WHERE ${compile(allowed, entryRow(type), classes)}
    ),
    identity AS (
      INSERT INTO resource_identity (type_id, id, patient_id, pk)
      SELECT ${typeId}, id, patient_id, pk FROM allowed WHERE version = 1
    ),
    ${changes(type, sql.fragment`allowed`)}
    ${sql.join([none, ...sideRows(candidates, sql.fragment`allowed`)], sql.fragment`, `)}
    INSERT INTO ${tableOf(type)} (patient_id, pk, id, version, last_updated, owner, author, tokens, content ${
      type === 'Observation' ? factNames : none
    })
    SELECT patient_id, pk, id, version, last_updated, owner, author, tokens, content ${
      type === 'Observation' ? factNames : none
    }
    FROM allowed
    RETURNING pk`)
  return new Set(rows.map(({ pk }) => pk))
}

const none = sql.fragment``
const factNames = sql.fragment`, kind_id, device_id, effective_start, effective_end, is_joint, lasts_from, lasts_until`

/** CTEs that fill the side tables from `source`, which has the columns of `entry`: only those that any candidate has rows for. */
export const sideRows = (candidates: readonly Candidate[], source: SqlFragment): readonly SqlFragment[] =>
  sideTables.flatMap(({ isNeeded, rows }) => (candidates.some(isNeeded) ? [rows(source)] : []))

type SideTable = {
  readonly isNeeded: (candidate: Candidate) => boolean
  readonly rows: (source: SqlFragment) => SqlFragment
}

const sideTables: readonly SideTable[] = [
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
      SELECT patient::integer, source.pk FROM ${source} AS source, jsonb_array_elements_text(source.patients) AS patient
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
