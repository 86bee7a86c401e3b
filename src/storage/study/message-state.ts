import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import type { Address } from '../model/patient-address.ts'
import { sql } from '../sql.ts'
import { hasAnsweredSince } from './answered-since.ts'
import { isOpen } from './invitation-state.ts'
import { isWrittenToNoMore } from './place-record.ts'
import { type MessageKind, nothingMoreToSay, type Untold } from './study-message.ts'

/** What became of a message, for staff, without its text and address. */
export type MessageState = {
  readonly subject: string
  readonly kind: Exclude<MessageKind, Untold>
  readonly channel: Address['channel']
  readonly state: 'waiting' | 'sent' | 'failed'
  /** Why it was not sent at the last attempt. */
  readonly reason: string | null
  readonly tries: number
  readonly madeAt: Date
  readonly endedAt: Date | null
  /** Whether it failed and is still to be said, unless they have answered since. */
  readonly isUnsaid: boolean
  /** Whether it failed and they have answered since, which not everybody may know who may invite them. */
  readonly isAnswered: boolean
}

/** Messages about the last invitation of each, and what came after it, newest first. */
export const messagesOf = (connection: Connection, subjects: readonly string[]): Promise<readonly MessageState[]> =>
  connection.any<MessageState>(sql.fragment`
    SELECT study_message.subject, kind, channel, state, reason, tries, made_at AS "madeAt", ended_at AS "endedAt",
      coalesce(${isUnsaid}, FALSE) AS "isUnsaid", coalesce(state = 'failed' AND ${isAnswered}, FALSE) AS "isAnswered"
    FROM study_message LEFT JOIN enrolment ON enrolment.id = study_message.subject
    WHERE study_message.subject = ANY (${sql.array([...subjects], 'text')}) AND made_at >= coalesce((
      SELECT max(made_at) FROM invitation WHERE invitation.subject = study_message.subject), '-infinity')
    ORDER BY study_message.made_at DESC, study_message.id DESC`)

/**
 * Whether a row of `study_message` about the place of `enrolment` is the last about it and failed, and by no other way went out at the same time. What
 * its invitation was used for, or cancelled, is not to be said again; nor is anything to somebody who has left, has died, or whose record is not in use.
 */
export const isUnsaid = sql.fragment`(
  study_message.state = 'failed' AND study_message.reason IS DISTINCT FROM ${nothingMoreToSay} AND ${isEnrolled}
  AND NOT EXISTS (
    SELECT FROM study_message AS other
    WHERE other.subject = study_message.subject AND other.made_at >= study_message.made_at
      AND (other.made_at > study_message.made_at OR other.state <> 'failed') OFFSET 0)
  AND NOT EXISTS (
    SELECT FROM invitation WHERE invitation.id = study_message.invitation AND invitation.ended_by IN ('used', 'cancelled') OFFSET 0)
  AND NOT ${isWrittenToNoMore})`

/**
 * Whether whoever has the place has answered since the row of `study_message` was made, or has signed a paper that waits to be confirmed. Most of those
 * who were not reached have no Consent at all: for them nothing else is looked for, since that takes twenty times as long.
 */
export const isAnswered = sql.fragment`(CASE
  WHEN EXISTS (SELECT FROM consent WHERE consent.patient_id = enrolment.patient_id OFFSET 0)
    OR EXISTS (SELECT FROM consent_history AS gone WHERE gone.patient_id = enrolment.patient_id AND gone.method = 'DELETE' OFFSET 0)
  THEN ${hasAnsweredSince(sql.fragment`study_message.subject`, sql.fragment`study_message.study_id`, sql.fragment`study_message.made_at`)}
    OR EXISTS (
      SELECT FROM consent_grantee AS given
      WHERE given.patient_id = enrolment.patient_id AND given.grantee = (SELECT grantee FROM study WHERE id = study_message.study_id)
        AND given.status = 'proposed' AND given.paper)
  ELSE FALSE END)`

/** The numbers to which an open invitation of each was sent, or is to be, if it was by text message alone. */
export const invitedNumbers = (
  connection: Connection,
  subjects: readonly string[],
): Promise<readonly { readonly subject: string; readonly numbers: readonly string[] }[]> =>
  connection.any(sql.fragment`
    SELECT invitation.subject, array_agg(message.address) AS numbers
    FROM invitation JOIN study_message AS message ON message.invitation = invitation.id
    WHERE invitation.subject = ANY (${sql.array([...subjects], 'text')}) AND ${isOpen} AND message.state <> 'failed'
      AND message.address IS NOT NULL
    GROUP BY invitation.id HAVING bool_and(message.channel = 'sms')`)
