import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { isAnswered, isUnsaid } from './message-state.ts'

/** The state of the last invitation of somebody in a study. `over`: it no longer works, and they did not come by it. `failed`: the last message could not be delivered, and what it said is still to be said. */
export type InvitedFilter = 'not-invited' | 'open' | 'used' | 'over' | 'failed'

export type InvitedAsked = {
  readonly filter: InvitedFilter
  /** Whether whoever asks may know who has answered: to others, whoever has is among those whose last message failed. */
  readonly seesAnswers: boolean
}

/** Ids of the ResearchSubjects. Whether the caller may know of them is checked elsewhere. */
export const subjectsWith = async (
  connection: Connection,
  study: string,
  { filter, seesAnswers }: InvitedAsked,
): Promise<readonly string[]> =>
  (
    await connection.any<{ id: string }>(sql.fragment`
      SELECT enrolment.id FROM enrolment
      LEFT JOIN LATERAL (
        SELECT * FROM invitation WHERE invitation.subject = enrolment.id
        ORDER BY made_at DESC, id DESC LIMIT 1) AS invitation ON TRUE
      WHERE enrolment.study_id = ${study} AND ${isEnrolled} AND ${filter === 'failed' ? failedIn(study, seesAnswers) : conditions[filter]}`)
  ).map(({ id }) => id)

/** Those of them whose last message was a reminder to send data. */
export const lastRemindedToSend = async (
  connection: Connection,
  subjects: readonly string[],
): Promise<readonly string[]> =>
  (
    await connection.any<{ subject: string }>(sql.fragment`
      SELECT subject FROM unnest(${sql.array([...subjects], 'text')}) AS asked(subject)
      WHERE 'silence' = (
        SELECT kind FROM study_message WHERE study_message.subject = asked.subject
        ORDER BY made_at DESC, id DESC LIMIT 1)`)
  ).map(({ subject }) => subject)

const isOpen = sql.fragment`(invitation.ended_at IS NULL AND invitation.expires_at > now())`

const hasMessage = (such: SqlFragment): SqlFragment =>
  sql.fragment`EXISTS (SELECT FROM study_message WHERE study_message.subject = enrolment.id AND ${such} OFFSET 0)`

const conditions: Readonly<Record<Exclude<InvitedFilter, 'failed'>, SqlFragment>> = {
  'not-invited': sql.fragment`invitation.id IS NULL`,
  open: isOpen,
  used: sql.fragment`coalesce(invitation.ended_by = 'used', FALSE)`,
  over: sql.fragment`invitation.id IS NOT NULL AND NOT ${isOpen} AND invitation.ended_by IS DISTINCT FROM 'used'`,
}

/** Only of those of whom any message has failed, who are few, is it asked whether what it said is still to be said. */
const failedIn = (study: string, seesAnswers: boolean): SqlFragment => sql.fragment`
  CASE WHEN enrolment.id IN (SELECT subject FROM study_message WHERE study_id = ${study} AND state = 'failed')
  THEN ${hasMessage(seesAnswers ? sql.fragment`${isUnsaid} AND NOT ${isAnswered}` : isUnsaid)} ELSE FALSE END`
