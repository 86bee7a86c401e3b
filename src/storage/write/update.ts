import type { ResourceType } from '@medplum/fhirtypes'
import type { Restricted } from '../../access/access.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { compile } from '../compile/compile.ts'
import type { Connection } from '../database.ts'
import { type Candidate, entryRow, entryTables } from '../prepare/candidate.ts'
import { historyOf, tableOf } from '../row.ts'
import { name, rowPlaces, type SqlFragment, sql } from '../sql.ts'
import { changes } from './changes.ts'
import { dropSideRows, factsSetOf, sideRows } from './side-rows.ts'

/** The key of a resource's rows, in every table that has any. */
export type Place = { readonly type: ResourceType; readonly patientId: number; readonly pk: string }

/**
 * Puts a new version in place of the current one, which goes to the history. Changes nothing if the question refuses the new content, or if
 * that says just what is there already. The row must be locked already.
 */
export const replaceResource = async (
  connection: Connection,
  candidate: Candidate,
  allowed: Restricted,
  classes: CodeClasses,
): Promise<'updated' | 'unchanged' | 'refused'> => {
  const { type } = candidate
  const passes = await connection.maybeOne<{ isSame: boolean }>(sql.fragment`
    WITH ${entryTables([candidate])}
    SELECT EXISTS (
      SELECT FROM ${tableOf(type)} AS row WHERE ${isAt(candidate)} AND ${said('row')} = ${said('entry')}) AS "isSame"
    FROM entry WHERE ${compile(allowed, entryRow(type), classes)}`)
  if (passes === undefined) return 'refused'
  if (passes.isSame) return 'unchanged'
  await putVersions(connection, [], candidate)
  return 'updated'
}

/** The current row goes to the history, and so do the versions between it and the last, which stands. It must be locked already. */
export const putVersions = async (
  connection: Connection,
  between: readonly Candidate[],
  last: Candidate,
): Promise<void> => {
  const { type, patientId, pk } = last
  const place = { type, patientId, pk }
  await archive(connection, type, isAt(place))
  if (between.length > 0) await archiveBetween(connection, type, between)
  await dropSideRows(connection, place.type, sql.fragment`pk = ${place.pk}`)
  await connection.run(rewrite(type, [last], isAt(place)))
}

/** The same for many of one type, in one statement each. They must be locked, and have no rows beside them any more. */
export const putNext = async (connection: Connection, type: ResourceType, all: readonly Candidate[]): Promise<void> => {
  const areAt = sql.fragment`(row.patient_id, row.pk) IN (SELECT patient_id, pk FROM ${rowPlaces(all)})`
  await archive(connection, type, areAt)
  await connection.run(rewrite(type, all, sql.fragment`row.patient_id = entry.patient_id AND row.pk = entry.pk`))
}

/** Puts next versions of one type in place of the current ones, whoever may write them. They must be locked already. */
export const replaceAll = async (connection: Connection, all: readonly Candidate[]): Promise<void> => {
  const [first, ...others] = all
  if (first === undefined) return
  if (others.length === 0) return putVersions(connection, [], first)
  const pks = all.map(({ pk }) => pk)
  await dropSideRows(connection, first.type, sql.fragment`pk = ANY(${sql.array(pks, 'int8')})`)
  await putNext(connection, first.type, all)
}

const rewrite = (type: ResourceType, all: readonly Candidate[], isRow: SqlFragment): SqlFragment => sql.fragment`
    WITH ${sql.join([entryTables(all), changes(type, entry), ...sideRows(all, entry)], sql.fragment`, `)}
    UPDATE ${tableOf(type)} AS row
    SET version = entry.version, last_updated = entry.last_updated, owner = entry.owner, author = entry.author,
      tokens = entry.tokens, content = entry.content ${factsSetOf(type)}
    FROM entry WHERE ${isRow}`

const entry = sql.fragment`entry`

/** A content without what the server sets, as text, since 1.10 and 1.1 are equal numbers, but do not say the same. */
export const said = (alias: string): SqlFragment =>
  sql.fragment`(${name(alias)}.content #- '{meta,versionId}' #- '{meta,lastUpdated}')::text`

/** The current row goes to the history, followed by a deletion as the next version. The row must be locked already. */
export const removeResource = async (
  connection: Connection,
  place: Place,
  deletion: { readonly version: number; readonly lastUpdated: Date; readonly author: number },
): Promise<void> => {
  await archive(connection, place.type, isAt(place))
  await dropSideRows(connection, place.type, sql.fragment`pk = ${place.pk}`)
  await connection.run(sql.fragment`DELETE FROM ${tableOf(place.type)} AS row WHERE ${isAt(place)}`)
  await connection.run(sql.fragment`
    INSERT INTO ${historyOf(place.type)} (patient_id, pk, version, last_updated, method, author)
    VALUES (${place.patientId}, ${place.pk}, ${deletion.version}, ${deletion.lastUpdated.toISOString()}, 'DELETE',
      ${deletion.author})`)
}

const archive = (connection: Connection, type: ResourceType, isRow: SqlFragment) =>
  connection.run(sql.fragment`
    INSERT INTO ${historyOf(type)} (patient_id, pk, version, last_updated, method, owner, author, content)
    SELECT patient_id, pk, version, last_updated, CASE version WHEN 1 THEN 'POST' ELSE 'PUT' END, owner, author, content
    FROM ${tableOf(type)} AS row WHERE ${isRow}`)

const archiveBetween = (connection: Connection, type: ResourceType, between: readonly Candidate[]) =>
  connection.run(sql.fragment`
    WITH ${entryTables(between)}
    INSERT INTO ${historyOf(type)} (patient_id, pk, version, last_updated, method, owner, author, content)
    SELECT patient_id, pk, version, last_updated, 'PUT', owner, author, content FROM entry`)

/** The row, by values: if it were joined to what is written, PostgreSQL might read all rows of the type, whole, to find one. */
const isAt = ({ patientId, pk }: Pick<Place, 'patientId' | 'pk'>): SqlFragment =>
  sql.fragment`row.patient_id = ${patientId} AND row.pk = ${pk}`
