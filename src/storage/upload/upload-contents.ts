import type { Connection } from '../database.ts'
import { columnOf, rowPlaces, sql } from '../sql.ts'
import { type Entry, type Keyed, timeOf } from './upload-keys.ts'

export type Content = Pick<Keyed, 'digest' | 'revised'>

/** The contents in which a document has come, and the one of them that is stored now. */
export type Contents = { readonly current: Content; readonly known: ReadonlySet<string> }

/** By pk, in one statement for all. Hardly any document has more than its first content. */
export const contentsOf = async (
  connection: Connection,
  keyed: readonly Keyed[],
): Promise<ReadonlyMap<string, Contents>> => {
  if (keyed.length === 0) return new Map()
  const rows = await connection.any<Row>(sql.fragment`
    SELECT content.pk, encode(content.digest, 'hex') AS digest, content.revised, content.is_current
    FROM ${rowPlaces(keyed)}
    JOIN upload_revision AS content ON content.patient_id = place.patient_id AND content.pk = place.pk`)
  const byPk = Map.groupBy(rows, ({ pk }) => pk)
  return new Map(keyed.map(one => [one.pk, toContents(one, byPk.get(one.pk) ?? [])]))
}

type Row = { pk: string; digest: string; revised: Date | null; is_current: boolean }

const toContents = (first: Keyed, rows: readonly Row[]): Contents => {
  const current = rows.find(({ is_current }) => is_current)
  return {
    current: current === undefined ? first : { digest: current.digest, revised: current.revised?.getTime() },
    known: new Set([first.digest, ...rows.map(({ digest }) => digest)]),
  }
}

/** Records that other contents were stored one after another. The last one is stored now; those before it are remembered. */
export const recordContents = async (
  connection: Connection,
  { patientId, pk }: Keyed,
  contents: readonly Content[],
): Promise<void> => {
  if (contents.length === 0) return
  await connection.run(sql.fragment`
    INSERT INTO upload_revision (patient_id, pk, digest, revised, is_current)
    SELECT ${patientId}::integer, ${pk}::bigint, decode(digest, 'hex'), revised, position = ${contents.length}
    FROM unnest(
      ${columnOf(contents, ({ digest }) => digest, 'text')},
      ${columnOf(contents, ({ revised }) => timeOf(revised), 'timestamptz')})
      WITH ORDINALITY AS content(digest, revised, position)
    ON CONFLICT (patient_id, pk, digest) DO UPDATE SET is_current = excluded.is_current`)
}

/** Remembers the same measurement under another header, so that it is nothing new either if that is sent again. */
export const rememberContents = async (
  connection: Connection,
  rows: readonly { readonly entry: Entry; readonly keyed: Keyed }[],
): Promise<void> => {
  if (rows.length === 0) return
  await connection.run(sql.fragment`
    INSERT INTO upload_revision (patient_id, pk, digest, revised, is_current)
    SELECT patient_id, pk, decode(digest, 'hex'), revised, FALSE
    FROM unnest(
      ${columnOf(rows, ({ keyed }) => keyed.patientId, 'int4')},
      ${columnOf(rows, ({ keyed }) => keyed.pk, 'int8')},
      ${columnOf(rows, ({ entry }) => entry.digest, 'text')},
      ${columnOf(rows, ({ entry }) => timeOf(entry.revised), 'timestamptz')}) AS echo(patient_id, pk, digest, revised)
    ON CONFLICT DO NOTHING`)
}
