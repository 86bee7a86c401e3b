import type { Gate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { keepersRows, ofKeptOrganization } from '../quarantine/quarantined.ts'
import { sql } from '../sql.ts'
import type { Ingest, IngestAsked } from './ingest-asked.ts'

/** What came from a source for patients of the organizations that somebody manages: each upload, and with the first of them by day, for the last 30 days. */
export const readIngest = async (
  connection: Connection,
  gate: Gate,
  { source, keepers, order, offset, limit }: IngestAsked,
): Promise<Ingest> => {
  const found = sql.fragment`
    ${keepersRows(gate, keepers)},
    found AS (
      SELECT document.* FROM ingest AS document WHERE document.source = ${source} AND ${ofKeptOrganization}
    )`
  const days = () =>
    connection.any<Ingest['days'][number]>(sql.fragment`
    WITH ${found}
    SELECT to_char(at::date, 'YYYY-MM-DD') AS day, count(DISTINCT upload)::integer AS uploads, sum(accepted)::integer AS accepted,
      sum(repaired)::integer AS repaired, sum(duplicate)::integer AS duplicate, sum(refused)::integer AS refused
    FROM found WHERE at >= date_trunc('day', now()) - interval '29 days'
    GROUP BY at::date ORDER BY at::date DESC`)
  const uploads = await connection.any<Ingest['uploads'][number]>(sql.fragment`
    WITH ${found}
    SELECT at, coalesce(client.name, found.client) AS client, accepted, repaired, duplicate, refused
    FROM found LEFT JOIN client ON client.id = found.client
    ORDER BY at ${order === 'latest' ? sql.fragment`DESC` : sql.fragment`ASC`}, upload, found.organization LIMIT ${limit} OFFSET ${offset}`)
  return { days: offset === 0 ? await days() : [], uploads }
}
