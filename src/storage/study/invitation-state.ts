import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** What became of an invitation, for staff. */
export type InvitationState = {
  readonly id: string
  readonly subject: string
  readonly madeAt: Date
  readonly expiresAt: Date
  readonly isOpen: boolean
  /** Null if it has not ended, or only its time is over. */
  readonly endedBy: 'used' | 'cancelled' | 'replaced' | 'tries' | 'address' | null
}

/** The latest invitation of each. */
export const invitationsOf = (
  connection: Connection,
  subjects: readonly string[],
): Promise<readonly InvitationState[]> =>
  connection.any<InvitationState>(sql.fragment`
    SELECT DISTINCT ON (subject) id, subject, made_at AS "madeAt", expires_at AS "expiresAt", ended_by AS "endedBy", ${isOpen} AS "isOpen"
    FROM invitation WHERE subject = ANY (${sql.array([...subjects], 'text')}) ORDER BY subject, made_at DESC, id DESC`)

/** For a row of `invitation`. Whoever is no longer in the study cannot use it. */
export const isOpen: SqlFragment = sql.fragment`(
  invitation.ended_at IS NULL AND invitation.expires_at > now() AND EXISTS (
    SELECT FROM enrolment WHERE enrolment.id = invitation.subject AND enrolment.patient = invitation.patient AND ${isEnrolled}))`
