import { FhirError } from '../../fhir/error.ts'
import { roomOfPage } from '../../search/room.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { storedRow } from '../row.ts'
import { contentWithin, fillRoom, versionStillThere } from '../search/room.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import type { Stored } from '../store.ts'
import type { LastN } from './figures.ts'

/**
 * https://hl7.org/fhir/R4/observation-operation-lastn.html. It takes a few steps in the index for each class, however many rows there are. "For codes
 * with multiple codings, grouping by code SHALL follow the transitive property of equality", according to the Observations that the caller may
 * search; "text only codes SHALL be treated and grouped based on the text". Those that are as old as the last of a group are answered too.
 */
export const lastObservations = async (
  connection: Connection,
  gate: Gate,
  { where, patients, max, newest = mostFound + 1 }: LastN,
): Promise<readonly Stored[]> => {
  const matching = matchingFor(gate, where)
  const rows = await connection.any<Row>(sql.fragment`
    WITH RECURSIVE ${classesOf(patients)},
    ${latestOfEach(matching, max)},
    ${groupOfEach(matching)},
    ${rankInGroup}
    SELECT body.id, body.pk, body.version, body.last_updated, body.patient_id, body.kind_id,
      ${contentWithin(sql.fragment`${roomOfPage}::bigint`, content, { order: newestFirst })} AS content
    FROM (
      SELECT patient_id, pk, moment FROM ranked WHERE rank <= ${max} ORDER BY moment DESC, pk DESC LIMIT ${newest}
    ) AS hot
    JOIN observation AS body ON body.patient_id = hot.patient_id AND body.pk = hot.pk
    ${newestFirst}`)
  if (rows.length > mostFound) throw tooMany
  const { filled, passed } = await fillRoom(connection, rows, {
    letters: roomOfPage,
    takesFirst: true,
    typeOf: () => 'Observation',
    contentOf: () => content,
    versionOf: versionStillThere,
  })
  if (passed < rows.length) throw tooLong
  return filled.map(storedOf)
}

const content = sql.fragment`body.content::text`
const newestFirst = sql.fragment`ORDER BY hot.moment DESC, hot.pk DESC`

/** The Observations of a class of one patient that are asked for and may be seen; `of` has the columns patient_id and code_id. */
type Matching = (of: SqlFragment) => SqlFragment

/** With the LIMIT, PostgreSQL goes through the index until there are enough. It takes a patient with very many for one with few, and would join and sort all. */
const matchingFor = (gate: Gate, where: LastN['where']): Matching => {
  const row = { ...storedRow('Observation', 'row'), facts: name('hot') }
  const asked = passesGate(gate, 's', 'Observation', row, where)
  return of => sql.fragment`
    FROM observation_code AS hot
    CROSS JOIN LATERAL (
      SELECT * FROM observation AS row WHERE row.patient_id = hot.patient_id AND row.pk = hot.pk LIMIT 1) AS row
    WHERE hot.patient_id = ${of}.patient_id AND hot.code_id = ${of}.code_id AND hot.component = 0 AND ${asked}`
}

/** Each class that a patient has (`code`), and each two that an Observation of theirs has together (`pair`): one step in the index for each. */
const classesOf = (patients: LastN['patients']): SqlFragment => sql.fragment`
    patient AS MATERIALIZED (
      SELECT DISTINCT patient_id FROM patient_compartment WHERE id = ANY(${sql.array([...patients], 'text')})
    ),
    code (patient_id, code_id) AS (
      SELECT patient.patient_id, (
        SELECT min(code_id) FROM observation_code WHERE observation_code.patient_id = patient.patient_id)
      FROM patient
      UNION ALL
      SELECT code.patient_id, (
        SELECT min(following.code_id) FROM observation_code AS following
        WHERE following.patient_id = code.patient_id AND following.code_id > code.code_id)
      FROM code WHERE code.code_id IS NOT NULL
    ),
    pair (patient_id, code_id, also_code_id) AS (
      SELECT patient.patient_id, first.code_id, first.also_code_id
      FROM patient CROSS JOIN LATERAL (${nextPair(sql.fragment`patient.patient_id`)}) AS first
      UNION ALL
      SELECT pair.patient_id, following.code_id, following.also_code_id
      FROM pair CROSS JOIN LATERAL (
        ${nextPair(sql.fragment`pair.patient_id AND (hot.code_id, hot.also_code_id) > (pair.code_id, pair.also_code_id)`)}
      ) AS following
    )`

/** The latest of each class, as many as are asked for, and all that have a text only, since each text is a group of its own. */
const latestOfEach = (matching: Matching, max: number): SqlFragment => sql.fragment`
    latest AS MATERIALIZED (
      SELECT code.code_id, one.*
      FROM code CROSS JOIN LATERAL (
        (SELECT hot.patient_id, hot.pk, ${moment} AS moment, NULL AS text ${matching(name('code'))} AND hot.effective_start > '-infinity'
          ORDER BY hot.effective_start DESC FETCH FIRST ${max} ROWS WITH TIES)
        UNION ALL
        (SELECT hot.patient_id, hot.pk, ${moment}, NULL ${matching(name('code'))} AND hot.effective_start = '-infinity'
          ORDER BY ${moment} DESC, ${untied(moment)} FETCH FIRST ${max} ROWS WITH TIES)) AS one
      WHERE code.code_id IS DISTINCT FROM ${textOnly}
      UNION ALL
      SELECT code.code_id, one.*
      FROM code CROSS JOIN LATERAL (
        SELECT hot.patient_id, hot.pk, ${moment} AS moment, row.content #>> '{code,text}' AS text ${matching(name('code'))}) AS one
      WHERE code.code_id = ${textOnly}
    )`

/** Classes are one group if an Observation that the caller may see has both, directly or through others. */
const groupOfEach = (matching: Matching): SqlFragment => sql.fragment`
    met AS MATERIALIZED (SELECT DISTINCT patient_id, code_id FROM latest),
    link AS MATERIALIZED (
      SELECT pair.patient_id, pair.code_id, pair.also_code_id
      FROM pair
      JOIN met AS one ON one.patient_id = pair.patient_id AND one.code_id = pair.code_id
      JOIN met AS other ON other.patient_id = pair.patient_id AND other.code_id = pair.also_code_id
      CROSS JOIN LATERAL (
        SELECT ${matching(name('pair'))} AND hot.also_code_id = pair.also_code_id
        ORDER BY hot.effective_start DESC, hot.pk DESC LIMIT 1) AS seen
    ),
    joined (patient_id, code_id, reached) AS (
      SELECT patient_id, code_id, code_id FROM met
      UNION
      SELECT joined.patient_id, joined.code_id, CASE joined.reached WHEN link.code_id THEN link.also_code_id ELSE link.code_id END
      FROM joined JOIN link ON link.patient_id = joined.patient_id AND joined.reached IN (link.code_id, link.also_code_id)
    ),
    coded AS (SELECT patient_id, code_id, min(reached) AS group_id FROM joined GROUP BY patient_id, code_id)`

const storedOf = ({ id, version, last_updated, patient_id, kind_id, content }: Row & { content: string }): Stored => ({
  type: 'Observation',
  id,
  versionId: String(version),
  lastUpdated: last_updated,
  content,
  patientId: patient_id,
  kindId: kind_id,
})

/** Any number may have been measured at the same moment. */
const mostFound = 10_000
const tooMany = new FhirError(
  'too-costly',
  `Over ${mostFound} Observations are the latest of their codes: ask for fewer codes or a shorter time`,
  { status: 422 },
)

const tooLong = new FhirError(
  'too-costly',
  `The Observations that are the latest of their codes have over ${roomOfPage} characters together: ask for fewer codes or a shorter time`,
  { status: 422 },
)

const textOnly = sql.fragment`(SELECT code_id FROM code_class WHERE key = '')`

/** Two classes that an Observation's code has together. The pairs of a patient are in the index. */
const nextPair = (after: SqlFragment): SqlFragment => sql.fragment`
  SELECT hot.code_id, hot.also_code_id FROM observation_code AS hot
  WHERE hot.also_code_id IS NOT NULL AND hot.patient_id = ${after}
  ORDER BY hot.code_id, hot.also_code_id LIMIT 1`

/** When it began; its end if only that is known. */
const moment = sql.fragment`(CASE WHEN hot.effective_start > '-infinity' THEN hot.effective_start
  WHEN hot.effective_end < 'infinity' THEN hot.effective_end - interval '1 microsecond' ELSE '-infinity' END)`

/** Unknown times are not equal. */
const untied = (of: SqlFragment): SqlFragment => sql.fragment`CASE WHEN ${of} = '-infinity' THEN hot.pk END DESC`

const rankInGroup = sql.fragment`
    ranked AS (
      SELECT patient_id, pk, moment, rank() OVER (
        PARTITION BY patient_id, group_id, text ORDER BY moment DESC, ${untied(sql.fragment`moment`)}) AS rank
      FROM (
        SELECT DISTINCT latest.patient_id, group_id, text, pk, moment FROM latest
        JOIN coded ON coded.patient_id = latest.patient_id AND coded.code_id = latest.code_id) AS hot
    )`

type Row = {
  id: string
  pk: string
  version: number
  last_updated: Date
  patient_id: number
  kind_id: number
  content: string | null
}
