import type { Asking } from '../current.ts'
import type { Connection } from '../database.ts'
import { visibleAmong } from '../history/old-version.ts'
import type { Preparing } from '../prepare/prepare.ts'
import { sql } from '../sql.ts'
import type { Writing } from '../write/write.ts'
import type { RefusedAsked, RefusedDocument, RefusedReading, Settled } from './quarantine-asked.ts'
import { gone } from './quarantine-settling.ts'
import { apart, type FaceRow, saidBy, versionOf } from './sent-document.ts'

type Reading = Asking & Preparing

/** What waits of one patient: what the reader could read if it had been accepted. */
export const readRefusedOf = async (
  connection: Connection,
  reading: Reading,
  { patient, order, offset, limit }: RefusedAsked,
): Promise<readonly RefusedReading[]> => {
  const rows = await connection.any<RefusedRow>(sql.fragment`
    SELECT ${columns}, NULL AS sent, NULL AS issues ${waiting}
      AND compartment.patient_id = (SELECT patient_id FROM patient_compartment WHERE id = ${patient})
    ORDER BY document.last_at ${order === 'latest' ? sql.fragment`DESC` : sql.fragment`ASC`}, document.id LIMIT ${limit} OFFSET ${offset}`)
  return (await visible(connection, reading, 'r', rows)).map(row => apart(row).shown)
}

/** One of them, with what it says if it is clear of which kind it is. Undefined for whoever could not read it. */
export const readRefusedDocument = async (
  connection: Connection,
  reading: Reading,
  id: string,
): Promise<RefusedDocument | undefined> => {
  const rows = await connection.any<RefusedRow>(sql.fragment`
    SELECT ${columns}, document.sent, document.issues ${waiting} AND document.id = ${id}::uuid`)
  const [row] = await visible(connection, reading, 'r', rows)
  if (row === undefined) return undefined
  const { shown, kept } = apart(row)
  const document = await saidBy(connection, reading, kept)
  return { ...shown, ...(document && { document }) }
}

/** Removes it, for whoever could delete it if it had been accepted. Undefined for everybody else, and where it no longer waits. */
export const removeRefused = async (
  connection: Connection,
  writing: Writing,
  id: string,
): Promise<Settled | undefined> => {
  const rows = await connection.any<RefusedRow>(sql.fragment`
    SELECT ${columns}, NULL AS sent, NULL AS issues ${waiting} AND document.id = ${id}::uuid FOR UPDATE OF document`)
  const [row] = await visible(connection, writing, 'd', rows)
  if (row === undefined) return undefined
  const settled = await connection.maybeOne<Pick<Settled, 'interaction'>>(sql.fragment`
    UPDATE quarantined_document SET state = 'removed', ${gone}, settled_by = ${writing.principal.id}
    WHERE id = ${id}::uuid RETURNING interaction`)
  return settled && { ...settled, patientId: row.patientId }
}

type RefusedRow = FaceRow & RefusedReading

const columns = sql.fragment`document.id, document.pk, document.face, document.patient, compartment.patient_id AS "patientId",
  document.first_at AS "firstAt", document.last_at AS "lastAt", document.times, document.rule, document.pointer, document.schema,
  document.source, client.name AS client`

const waiting = sql.fragment`
  FROM quarantined_document AS document
  JOIN patient_compartment AS compartment ON compartment.id = document.patient
  LEFT JOIN client ON client.id = document.client_id
  WHERE document.state = 'waiting'`

/** As if they were Observations of that moment. */
const visible = async (
  connection: Connection,
  reading: Reading,
  action: 'r' | 'd',
  rows: readonly RefusedRow[],
): Promise<readonly RefusedRow[]> => {
  const found = await visibleAmong(connection, reading, { type: 'Observation', action }, rows.map(versionOf))
  const ids = new Set(found.map(({ id }) => id))
  return rows.filter(({ id }) => ids.has(id))
}
