import type { Expression } from '../../search/expression.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

export type ArrivalsAsked = {
  /** Id of the ResearchStudy. */
  readonly study: string
  readonly where: Expression
  readonly limit: number
}

/** An Observation as JSON, when it came, whose compartment it is in, and the number of its kind. */
export type Arrival = {
  readonly content: string
  readonly arrived: Date
  readonly patientId: number
  readonly kindId: number
}

/**
 * The Observations that came last, of those that the caller may search and of people who share anything with the study. The order
 * in which all of them came is walked backwards, in longer and longer stretches, up to a quarter of a million: beyond that there is
 * nothing new in the study, and the others of the server are not kept waiting for it.
 */
export const readArrivals = async (
  connection: Connection,
  gate: Gate,
  asked: ArrivalsAsked,
): Promise<readonly Arrival[]> => {
  const found: Arrival[] = []
  let edge: Edge | undefined
  for (const length of stretches) {
    const rows = await connection.any<Row>(stretch(gate, { ...asked, limit: asked.limit - found.length }, edge, length))
    found.push(
      ...rows.flatMap(({ content, arrived, patientId, kindId }) =>
        content === null ? [] : [{ content, arrived, patientId, kindId }],
      ),
    )
    edge = rows[0]?.edge ?? undefined
    if (found.length >= asked.limit || edge === undefined || (rows[0]?.walked ?? 0) < length) break
  }
  return found
}

const stretches = [1000, 8000, 60_000, 180_000]

/** The last row that was walked over. */
type Edge = { readonly at: string; readonly pk: string }

type Row = Omit<Arrival, 'content'> & {
  readonly content: string | null
  readonly edge: Edge | null
  readonly walked: number
}

const stretch = (
  gate: Gate,
  { study, where, limit }: ArrivalsAsked,
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
  found AS (
    SELECT row.content::text AS content, row.last_updated AS arrived, row.pk, row.patient_id, row.kind_id
    FROM theirs JOIN observation AS row ON row.patient_id = theirs.patient_id AND row.pk = theirs.pk
    WHERE ${passesGate(gate, 's', 'Observation', 'row', where)}
    ORDER BY row.last_updated DESC, row.pk DESC LIMIT ${limit}
  )
  SELECT found.content, found.arrived, found.patient_id AS "patientId", found.kind_id AS "kindId", whole.edge, whole.walked
  FROM (
    SELECT count(*)::integer AS walked,
      (SELECT jsonb_build_object('at', last_updated, 'pk', pk::text) FROM walked ORDER BY last_updated, pk LIMIT 1) AS edge
    FROM walked) AS whole
  LEFT JOIN found ON TRUE
  ORDER BY found.arrived DESC, found.pk DESC`
