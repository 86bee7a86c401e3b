import type { Connection } from '../../database.ts'
import { type SqlFragment, sql } from '../../sql.ts'

/** A version of a Consent gave nothing when it was written, since the place was not read in which it names its study; so it never gives anything. */
export const isUnread = (id: SqlFragment, version: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM unread_consent AS unread WHERE unread.consent_id = ${id} AND unread.version = ${version})`

/** The same of one version. */
export const wasUnread = async (connection: Connection, id: string, versionId: string): Promise<boolean> => {
  const found = await connection.one<{ isUnread: boolean }>(
    sql.fragment`SELECT ${isUnread(sql.fragment`${id}`, sql.fragment`${versionId}::integer`)} AS "isUnread"`,
  )
  return found.isUnread
}
