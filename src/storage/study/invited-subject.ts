import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { isWrittenToNoMore } from './place-record.ts'
import { nothingMoreToSay } from './study-message.ts'

/** The state of the last invitation of somebody in a study. `over`: it no longer works, and they did not come by it. `failed`: the last message could not be delivered, and is still to be. */
export type InvitedFilter = 'not-invited' | 'open' | 'used' | 'over' | 'failed'

/** Ids of the ResearchSubjects. Whether the caller may know of them is checked elsewhere. */
export const subjectsWith = async (
  connection: Connection,
  study: string,
  filter: InvitedFilter,
): Promise<readonly string[]> =>
  (
    await connection.any<{ id: string }>(sql.fragment`
      SELECT enrolment.id FROM enrolment
      LEFT JOIN LATERAL (
        SELECT * FROM invitation WHERE invitation.subject = enrolment.id
        ORDER BY made_at DESC, id DESC LIMIT 1) AS invitation ON TRUE
      WHERE enrolment.study_id = ${study} AND ${isEnrolled} AND ${conditions[filter]}`)
  ).map(({ id }) => id)

const isOpen = sql.fragment`(invitation.ended_at IS NULL AND invitation.expires_at > now())`

const conditions: Readonly<Record<InvitedFilter, SqlFragment>> = {
  'not-invited': sql.fragment`invitation.id IS NULL`,
  open: isOpen,
  used: sql.fragment`coalesce(invitation.ended_by = 'used', FALSE)`,
  over: sql.fragment`invitation.id IS NOT NULL AND NOT ${isOpen} AND invitation.ended_by IS DISTINCT FROM 'used'`,
  failed: sql.fragment`(
    SELECT state = 'failed' AND reason IS DISTINCT FROM ${nothingMoreToSay}
      AND (invitation.ended_by IS NULL OR invitation.ended_by NOT IN ('used', 'cancelled') OR study_message.invitation IS DISTINCT FROM invitation.id)
      AND NOT ${isWrittenToNoMore}
    FROM study_message WHERE study_message.subject = enrolment.id ORDER BY made_at DESC, id DESC LIMIT 1)`,
}
