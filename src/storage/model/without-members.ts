import { type SqlFragment, sql } from '../sql.ts'

/** The content without members, if the Group is a study's: an old version may name people whom its reader may not read. */
export const withoutMembers = (row: SqlFragment, id: SqlFragment): SqlFragment => sql.fragment`(
  CASE WHEN EXISTS (SELECT FROM study WHERE study.group_id = ${id}) THEN ${row}.content - 'member'::text
    ELSE ${row}.content END)`
