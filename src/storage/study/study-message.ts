import { v7 as uuidv7 } from 'uuid'
import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import type { Address } from '../model/patient-address.ts'
import { hashOf, newSecret } from '../secret/secret.ts'
import { sql } from '../sql.ts'
import { hasAnsweredSince } from './answered-since.ts'
import { daysOfTelling } from './study-end.ts'

/** What a message to a patient is about. Only the first two have a link. */
export type MessageKind = 'invitation' | 'reminder' | 'silence' | 'changed' | Untold

/** Those of which staff are shown nothing. */
export type Untold = 'address-changed' | 'taken-up' | 'study-ended' | 'study-resumed' | DoneForPatient

/** What somebody else did for a patient: staff gave or ended what they share, as they had asked on paper or by phone, or ended their place in a study. */
export type DoneForPatient = 'given-for' | 'ended-for' | 'place-ended'

type About = {
  readonly kind: Exclude<MessageKind, 'study-ended' | 'study-resumed'>
  readonly patient: string
  /** Absent if it is sent whatever becomes of their place in the study. */
  readonly subject?: string
  readonly study: string
  /** The invitation whose link it has. */
  readonly invitation?: string | undefined
  /** Whether it is one of many that are written at once: these can wait for others. */
  readonly isToMany?: boolean | undefined
}

/** A message to be sent. `secret` is for its link, and was never used before. */
export type MessageToSend = Address & {
  readonly kind: MessageKind
  readonly patient: string
  readonly study: string | null
  /** When the invitation expires; null if the message has no link of one. */
  readonly expiresAt: Date | null
  /** When the study ended; null if the message is about something else. */
  readonly since: Date | null
  readonly secret: string
}

/** Answers its id. The message waits to be sent. */
export const addMessage = async (
  connection: Connection,
  { kind, patient, subject, study, invitation, isToMany = false, channel, address }: About & Address,
): Promise<string> => {
  const id = uuidv7()
  await connection.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, subject, study_id, invitation, to_many, channel, address)
    VALUES (${id}, ${kind}, ${patient}, ${subject ?? null}, ${study}, ${invitation ?? null}, ${isToMany}, ${channel}, ${address})`)
  return id
}

/** The same for each address; undefined if the subject was reminded within so many days, or is about to be. */
export const addReminder = async (
  connection: Connection,
  about: About & { readonly subject: string },
  addresses: readonly Address[],
): Promise<readonly string[] | undefined> => {
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('reminder'), hashtext(${about.subject}))`)
  const recent = await connection.maybeOne(sql.fragment`
    SELECT FROM study_message
    WHERE subject = ${about.subject} AND kind = ANY (${reminders}) AND state <> 'failed'
      AND coalesce(ended_at, made_at) > ${sinceReminders} LIMIT 1`)
  if (recent !== undefined) return undefined
  const messages: string[] = []
  for (const address of addresses) messages.push(await addMessage(connection, { ...about, ...address }))
  return messages
}

/** Nobody is reminded more often. A reminder that could not be sent for as long, as while the server was stopped, may have become untrue. */
export const daysBetweenReminders = 3

const sinceReminders = sql.fragment`now() - make_interval(days => ${daysBetweenReminders})`
const reminders = sql.array(['reminder', 'silence', 'changed'], 'text')

/** Tells each address that an app has taken up an invitation by itself; for several times within an hour, only once. */
export const addTakenUp = async (
  connection: Connection,
  { patient, study, addresses }: Pick<About, 'patient' | 'study'> & { readonly addresses: readonly Address[] },
): Promise<void> => {
  for (const { channel, address } of addresses)
    await connection.run(sql.fragment`
      INSERT INTO study_message (id, kind, patient, study_id, channel, address)
      SELECT ${uuidv7()}, 'taken-up', ${patient}, ${study}, ${channel}, ${address}
      WHERE NOT EXISTS (
        SELECT FROM study_message
        WHERE patient = ${patient} AND study_id = ${study} AND kind = 'taken-up' AND address = ${address}
          AND made_at > now() - interval '1 hour')`)
}

/** `round`: 0 for what is sent before all others. Of messages to many, each study has a few in each later one, so that none waits for all of another. */
export type WaitingMessage = { readonly id: string; readonly round: number }

/** In the order in which they are to be sent. */
export const waitingMessages = (connection: Connection): Promise<readonly WaitingMessage[]> =>
  connection.any<WaitingMessage>(sql.fragment`
    SELECT id, CASE WHEN to_many THEN ((row_number() OVER (PARTITION BY to_many, study_id ORDER BY id) + ${inRound - 1}) / ${inRound})::integer
      ELSE 0 END AS round
    FROM study_message WHERE state = 'waiting' ORDER BY round, id`)

const inRound = 20

/**
 * Counts an attempt, and makes a new link for it, since that of an earlier attempt may not have arrived. Undefined if there is nothing more to say,
 * because the invitation has ended or the patient has left the study, or has answered since they were to be reminded: then the message is ended. So is
 * a reminder, or a message about the end of a study, that is too old or was followed by another.
 */
export const takeMessage = async (connection: Connection, id: string): Promise<MessageToSend | undefined> => {
  const secret = newSecret()
  const taken = await connection.maybeOne<Omit<MessageToSend, 'secret'>>(sql.fragment`
    UPDATE study_message AS message
    SET tries = message.tries + 1,
      hash = CASE WHEN message.invitation IS NULL THEN NULL ELSE ${hashOf(secret)}::bytea END
    WHERE message.id = ${id} AND message.state = 'waiting' AND (
      message.subject IS NULL OR EXISTS (
        SELECT FROM enrolment
        WHERE enrolment.id = message.subject AND enrolment.patient = message.patient AND ${isEnrolled}))
      AND (message.invitation IS NULL OR EXISTS (
        SELECT FROM invitation
        WHERE invitation.id = message.invitation AND invitation.ended_at IS NULL AND invitation.expires_at > now()))
      AND (message.kind <> ALL (${reminders}) OR (message.made_at > ${sinceReminders} AND NOT EXISTS (
        SELECT FROM study_message AS later
        WHERE later.subject = message.subject AND later.kind = ANY (${reminders}) AND later.made_at > message.made_at AND later.state <> 'failed')
        AND NOT ${hasAnsweredSince(sql.fragment`message.subject`, sql.fragment`message.study_id`, sql.fragment`message.made_at`)}))
      AND (message.kind <> 'study-ended' OR (message.since > now() - make_interval(days => ${daysOfTelling}) AND NOT EXISTS (
        SELECT FROM study_message AS later
        WHERE later.patient = message.patient AND later.study_id = message.study_id AND later.kind = 'study-ended' AND later.since > message.since)))
    RETURNING message.kind, message.patient, message.study_id AS study, message.channel, message.address, message.since, (
      SELECT expires_at FROM invitation WHERE invitation.id = message.invitation) AS "expiresAt"`)
  if (taken === undefined) await endMessage(connection, id, nothingMoreToSay)
  return taken && { ...taken, secret }
}

/** Why a message was not sent: not that it could not be delivered. */
export const nothingMoreToSay =
  'There was nothing more to say: what it was about had ended, was answered, or is long ago'

/** It was sent; or, with a reason, it was not sent, and will not be. */
export const endMessage = async (connection: Connection, id: string, reason?: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE study_message
    SET state = ${reason === undefined ? 'sent' : 'failed'}, reason = ${reason ?? null}, ended_at = now()
    WHERE id = ${id} AND state = 'waiting'`)
}

/** Deletes the addresses and links of messages that ended so many days ago, unless the invitation of the link is still open. */
export const forgetAddresses = async (connection: Connection, days: number): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE study_message AS message SET address = NULL, hash = NULL
    WHERE message.address IS NOT NULL AND message.ended_at < now() - make_interval(days => ${days})
      AND NOT EXISTS (
        SELECT FROM invitation
        WHERE invitation.id = message.invitation AND invitation.ended_at IS NULL AND invitation.expires_at > now())`)
}

/** It will be tried again. */
export const noteReason = async (connection: Connection, id: string, reason: string): Promise<void> => {
  await connection.run(sql.fragment`UPDATE study_message SET reason = ${reason} WHERE id = ${id} AND state = 'waiting'`)
}
