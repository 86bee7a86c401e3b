import type { Expression } from '../../search/expression.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { isDated } from '../figures/reading.ts'
import { rowPlaces, type SqlFragment, sql } from '../sql.ts'
import { measuredTime } from './measured-time.ts'

export type ArrivalsAsked = {
  /** Id of the ResearchStudy. */
  readonly study: string
  readonly where: Expression
  /** The most that are answered. */
  readonly limit: number
}

/**
 * The newest Observation of one patient and kind, as JSON; when it came; and how many there are of those that were walked over. Of what came at once,
 * as in a Bundle in any order, it is the one that was measured last.
 */
export type Arrival = Line & { readonly content: string }

type Line = {
  readonly patientId: number
  readonly kindId: number
  readonly pk: string
  readonly arrived: Date
  /** When it was measured, as text that is in the order of the times; null if that is not known. */
  readonly measured: string | null
  readonly count: number
  /** When the first of them was measured, if any says so: a moment, or a date alone. */
  readonly since: string | null
}

/**
 * The patients and kinds of which Observations came last, among those that the caller may search and that belong to people who share anything with
 * the study. Observations are walked over from the newest to the oldest, in longer and longer stretches, until there are enough lines, or enough
 * Observations that make few lines, up to a quarter of a million. Beyond that there is nothing new in the study, and the server's other users are not
 * kept waiting for it.
 */
export const readArrivals = async (
  connection: Connection,
  gate: Gate,
  asked: ArrivalsAsked,
): Promise<readonly Arrival[]> => {
  const lines = new Map<string, Line>()
  let edge: Edge | undefined
  let count = 0
  for (const length of stretches) {
    const [row, ...rows] = await connection.any<Row>(stretch(gate, asked, edge, length))
    for (const { edge: _, walked: __, ...line } of [row, ...rows].filter(isOfSomebody)) {
      count += line.count
      const key = `${line.patientId}/${line.kindId}`
      lines.set(key, joined(lines.get(key), line))
    }
    edge = row?.edge ?? undefined
    if (lines.size >= asked.limit || count >= enough || edge === undefined || (row?.walked ?? 0) < length) break
  }
  const last = [...lines.values()].slice(0, asked.limit)
  const contents = await contentsOf(connection, gate, asked, last)
  return last.flatMap(line => {
    const content = contents.get(line.pk)
    return content === undefined ? [] : [{ ...line, content }]
  })
}

const stretches = [1000, 8000, 60_000, 180_000]

const enough = 2000

/** The last row that was walked over. */
type Edge = { readonly at: string; readonly pk: string }

type Walked = { readonly edge: Edge | null; readonly walked: number }

type Row = Walked & (Line | { readonly [Name in keyof Line]: null })

const isOfSomebody = (row: Row | undefined): row is Walked & Line => row !== undefined && row.pk !== null

/** Joined with those that came before it, or at once with it. */
const joined = (newer: Line | undefined, older: Line): Line => {
  if (newer === undefined) return older
  const [since = null] = [newer.since, older.since].filter(time => time !== null).sort()
  const cameAtOnce = newer.arrived.getTime() === older.arrived.getTime()
  const newest = cameAtOnce && (older.measured ?? '') > (newer.measured ?? '') ? older : newer
  return { ...newest, count: newer.count + older.count, since }
}

const stretch = (
  gate: Gate,
  { study, where }: ArrivalsAsked,
  edge: Edge | undefined,
  length: number,
): SqlFragment => sql.fragment`
  WITH walked AS MATERIALIZED (
    SELECT patient_id, pk, last_updated FROM observation
    WHERE ${edge === undefined ? sql.fragment`TRUE` : sql.fragment`(last_updated, pk) < (${edge.at}::timestamptz, ${edge.pk}::bigint)`}
    ORDER BY last_updated DESC, pk DESC LIMIT ${length}
  ),
  theirs AS MATERIALIZED (
    SELECT patient_id, pk FROM walked WHERE patient_id IN (
      SELECT permit.patient_id FROM study_group_observation_consents AS permit
      WHERE permit.grantee = ANY(ARRAY(SELECT grantee FROM study_grantee WHERE study_id = ${study})) AND permit.consented)
  ),
  line AS (
    SELECT row.patient_id, row.kind_id, (array_agg(row.pk ORDER BY ${newestFirst}))[1] AS pk,
      (array_agg(row.effective_start ORDER BY ${newestFirst}))[1] AS measured,
      max(row.last_updated) AS arrived, count(*)::integer AS count,
      min(row.effective_start) FILTER (WHERE row.effective_start > '-infinity' AND NOT ${isDated('row')}) AS since,
      min(row.effective_start) FILTER (WHERE row.effective_start > '-infinity' AND ${isDated('row')}) AS since_day
    FROM theirs JOIN observation AS row ON row.patient_id = theirs.patient_id AND row.pk = theirs.pk
    WHERE ${passesGate(gate, 's', 'Observation', 'row', where)}
    GROUP BY row.patient_id, row.kind_id
  )
  SELECT line.patient_id AS "patientId", line.kind_id AS "kindId", line.pk::text AS pk, line.arrived, line.count,
    ${measuredTime(sql.fragment`nullif(line.measured, '-infinity')`, sql.fragment`FALSE`)} AS measured,
    ${measuredTime(sql.fragment`least(line.since, line.since_day)`, sql.fragment`line.since_day <= coalesce(line.since, 'infinity')`)} AS since,
    whole.edge, whole.walked
  FROM (
    SELECT count(*)::integer AS walked,
      (SELECT jsonb_build_object('at', last_updated, 'pk', pk::text) FROM walked ORDER BY last_updated, pk LIMIT 1) AS edge
    FROM walked) AS whole
  LEFT JOIN line ON TRUE
  ORDER BY line.arrived DESC, line.pk DESC`

const newestFirst = sql.fragment`row.last_updated DESC, row.effective_start DESC, row.effective_end DESC, row.pk DESC`

/** By their pks. What is no longer shared since they were looked for is left out. */
const contentsOf = async (
  connection: Connection,
  gate: Gate,
  { where }: ArrivalsAsked,
  lines: readonly Line[],
): Promise<ReadonlyMap<string, string>> => {
  const rows = await connection.any<{ pk: string; content: string }>(sql.fragment`
    SELECT row.pk::text AS pk, row.content::text AS content
    FROM ${rowPlaces(lines)}
    JOIN observation AS row ON row.patient_id = place.patient_id AND row.pk = place.pk
    WHERE ${passesGate(gate, 's', 'Observation', 'row', where)}`)
  return new Map(rows.map(({ pk, content }) => [pk, content]))
}
