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
  readonly endedBy?: 'used' | 'cancelled' | 'replaced' | 'tries' | 'address'
}

/** The latest invitation of each. */
export const invitationsOf = async (
  connection: Connection,
  subjects: readonly string[],
): Promise<readonly InvitationState[]> => {
  const rows = await connection.any<StateRow>(sql.fragment`
    SELECT DISTINCT ON (subject) id, subject, made_at, expires_at, ended_by, ${isOpen} AS open
    FROM invitation WHERE subject = ANY (${sql.array([...subjects], 'text')}) ORDER BY subject, made_at DESC, id DESC`)
  return rows.map(({ id, subject, made_at: madeAt, expires_at: expiresAt, ended_by, open }) => ({
    id,
    subject,
    madeAt,
    expiresAt,
    isOpen: open,
    ...(ended_by === null ? {} : { endedBy: ended_by }),
  }))
}

type StateRow = {
  readonly id: string
  readonly subject: string
  readonly made_at: Date
  readonly expires_at: Date
  readonly ended_by: NonNullable<InvitationState['endedBy']> | null
  readonly open: boolean
}

/** For a row of `invitation`. Whoever is no longer in the study cannot use it. */
export const isOpen: SqlFragment = sql.fragment`(
  invitation.ended_at IS NULL AND invitation.expires_at > now() AND EXISTS (
    SELECT FROM enrolment WHERE enrolment.id = invitation.subject AND enrolment.patient = invitation.patient AND ${isEnrolled}))`
