import { v7 as uuidv7 } from 'uuid'
import type { Connection } from '../database.ts'
import type { Address } from '../model/patient-address.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { invitationsOf, isOpen } from './invitation-state.ts'
import { addMessage } from './study-message.ts'

/** An invitation of one Patient into a study. Everything is named by its id. */
export type Invitation = {
  readonly id: string
  readonly subject: string
  readonly study: string
  readonly patient: string
  /** The message by which somebody came; for a link that staff show as a picture, the first message of the invitation that was not refused, if there is one. */
  readonly message: string
  readonly expiresAt: Date
} & Address

type NewInvitation = Pick<Invitation, 'subject' | 'study' | 'patient'> & {
  readonly addresses: readonly Address[]
  readonly days: number
  /** The id of the one that is known as the latest, or `none`. If another was made since, this one is not. */
  readonly after?: string | undefined
  readonly isToMany?: boolean | undefined
}

/** Replaces the previous one. It ends with the last day of the study at the latest, since nobody can answer it after that. Answers the ids of its messages; links exist only once these are sent. Undefined if it is not made. */
export const makeInvitation = async (
  connection: Connection,
  { subject, study, patient, addresses, days, after, isToMany }: NewInvitation,
): Promise<readonly string[] | undefined> => {
  await takeTurn(connection, subject)
  if (await isInvitedSince(connection, { subject, after })) return undefined
  await endOpen(connection, subject, 'replaced')
  const id = uuidv7()
  await connection.run(sql.fragment`
    INSERT INTO invitation (id, subject, study_id, patient, expires_at)
    VALUES (${id}, ${subject}, ${study}, ${patient},
      least(now() + make_interval(days => ${days}), (SELECT period_end FROM study WHERE id = ${study})))`)
  const about = { kind: 'invitation', patient, subject, study, invitation: id, isToMany } as const
  const messages: string[] = []
  for (const address of addresses) messages.push(await addMessage(connection, { ...about, ...address }))
  return messages
}

/** Whether another was made since `after` was the latest. */
export const isInvitedSince = async (
  connection: Connection,
  { subject, after }: Pick<NewInvitation, 'subject' | 'after'>,
): Promise<boolean> => {
  if (after === undefined) return false
  const [latest] = await invitationsOf(connection, [subject])
  return after !== (latest?.id ?? 'none')
}

/** False if there is none that could end. What is being made is ended as well. */
export const cancelInvitation = async (connection: Connection, subject: string): Promise<boolean> => {
  await takeTurn(connection, subject)
  return endOpen(connection, subject, 'cancelled')
}

const endOpen = async (connection: Connection, subject: string, by: 'cancelled' | 'replaced'): Promise<boolean> => {
  const ended = await connection.run(sql.fragment`
    UPDATE invitation SET ended_at = now(), ended_by = ${by} WHERE subject = ${subject} AND ended_at IS NULL`)
  return ended > 0
}

/** Until the transaction ends, nobody else ends or makes one. */
const takeTurn = (connection: Connection, subject: string) =>
  connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('invitation'), hashtext(${subject}))`)

/** `channel`: how the code is sent that it asks for. `isRefused`: what was sent there last, or is to be, did not go out. */
export type LinkToShow = Pick<Invitation, 'expiresAt' | 'channel'> & {
  readonly secret: string
  readonly isRefused: boolean
}

/** A new link to be shown, which replaces the one that was shown before; undefined if there is no open invitation. */
export const linkToShow = async (connection: Connection, subject: string): Promise<LinkToShow | undefined> => {
  const secret = newSecret()
  const shown = await connection.maybeOne<Omit<LinkToShow, 'secret'>>(sql.fragment`
    UPDATE invitation SET shown_hash = ${hashOf(secret)}
    FROM study_message AS message
    WHERE invitation.subject = ${subject} AND ${isOpen} AND message.id = ${firstMessage}
    RETURNING expires_at AS "expiresAt", message.channel, ${isRefused(sql.fragment`message`)} AS "isRefused"`)
  return shown && { secret, ...shown }
}

/** Undefined if the link is not known, was used or ended, or is too old. */
export const findInvitation = async (connection: Connection, link: string): Promise<Invitation | undefined> =>
  isSecret(link)
    ? connection.maybeOne<Invitation>(sql.fragment`
        SELECT ${columns} FROM invitation
        JOIN study_message AS message ON message.invitation = invitation.id
        WHERE ${isOpen} AND (
          message.hash = ${hashOf(link)}
          OR invitation.shown_hash = ${hashOf(link)} AND message.id = ${firstMessage})`)
    : undefined

/** Answers a secret for the browser to keep, valid for half an hour. */
export const makeProof = async (
  connection: Connection,
  { id, message }: Pick<Invitation, 'id' | 'message'>,
): Promise<string> => {
  const secret = newSecret()
  await connection.run(sql.fragment`
    DELETE FROM invitation_proof AS proof
    WHERE expires_at <= now() AND NOT EXISTS (SELECT FROM invitation WHERE invitation.id = proof.invitation AND ${isOpen})`)
  await connection.run(sql.fragment`
    INSERT INTO invitation_proof (hash, invitation, message, expires_at)
    VALUES (${hashOf(secret)}, ${id}, ${message}, now() + interval '30 minutes')`)
  return secret
}

/** The invitation for which a browser has shown the proof. */
export const findProven = async (connection: Connection, proof: string): Promise<Invitation | undefined> =>
  isSecret(proof)
    ? connection.maybeOne<Invitation>(sql.fragment`
        SELECT ${columns} FROM invitation_proof AS proof
        JOIN invitation ON invitation.id = proof.invitation
        JOIN study_message AS message ON message.id = proof.message
        WHERE proof.hash = ${hashOf(proof)} AND proof.expires_at > now() AND ${isOpen}`)
    : undefined

/** Whether that was too long ago, while the invitation itself is still open: then its link can be opened again. */
export const isProofLate = async (connection: Connection, proof: string): Promise<boolean> =>
  isSecret(proof) &&
  (await connection.maybeOne(sql.fragment`
    SELECT FROM invitation_proof AS proof
    JOIN invitation ON invitation.id = proof.invitation
    WHERE proof.hash = ${hashOf(proof)} AND proof.expires_at <= now() AND ${isOpen}`)) !== undefined

/** If several use it at the same time, one gets true. */
export const useInvitation = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE invitation SET ended_at = now(), ended_by = 'used' WHERE id = ${id} AND ${isOpen}`)) > 0

/** The study, if the person has taken up the invitation to which the link, or the proof, belonged. */
export const studyTakenUp = async (
  connection: Connection,
  secret: string,
  person: string,
): Promise<string | undefined> => {
  if (!isSecret(secret)) return undefined
  const taken = await connection.maybeOne<{ study: string }>(sql.fragment`
    SELECT study_id AS study FROM invitation
    WHERE ended_by = 'used'
      AND EXISTS (SELECT FROM person_patient AS own WHERE own.person = ${person} AND own.patient = invitation.patient)
      AND id IN (
        SELECT message.invitation FROM study_message AS message WHERE message.hash = ${hashOf(secret)}
        UNION ALL SELECT shown.id FROM invitation AS shown WHERE shown.shown_hash = ${hashOf(secret)}
        UNION ALL SELECT proof.invitation FROM invitation_proof AS proof WHERE proof.hash = ${hashOf(secret)})`)
  return taken?.study
}

/** Whether the Patient was registered in the tenant of the organization. */
export const isOfTenant = async (connection: Connection, patient: string, organization: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM patient_compartment AS compartment
    JOIN patient ON patient.patient_id = compartment.patient_id AND patient.id = compartment.id
    JOIN organization_node AS registering ON registering.id = patient.owner
    JOIN organization_node AS inviting ON inviting.tenant = registering.tenant
    WHERE compartment.id = ${patient} AND inviting.id = ${organization}`)) !== undefined

/**
 * Whether the Patient belongs to somebody else's account already, or was joined with one that is not this person's: whoever registered this Patient
 * must not decide, by a letter, who gets what was measured for the other. Until the transaction ends, nobody else can make the Patient theirs.
 */
export const isOfAnother = async (connection: Connection, patient: string, person: string): Promise<boolean> => {
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('account of'), hashtext(${patient}))`)
  const other = await connection.maybeOne(sql.fragment`
    SELECT FROM person_patient WHERE patient = ${patient} AND person <> ${person}
    UNION ALL
    SELECT FROM patient_compartment AS own
    JOIN patient_compartment AS joined ON joined.patient_id = own.patient_id AND joined.id <> own.id
    WHERE own.id = ${patient} AND NOT EXISTS (
      SELECT FROM person_patient AS theirs WHERE theirs.person = ${person} AND theirs.patient IN (own.id, joined.id))
    LIMIT 1`)
  return other !== undefined
}

const columns = sql.fragment`invitation.id, invitation.subject, invitation.study_id AS study, invitation.patient,
  invitation.expires_at AS "expiresAt", message.id AS message, message.channel, message.address`

const isRefused = (message: SqlFragment): SqlFragment =>
  sql.fragment`(${message}.state = 'failed' OR ${message}.state = 'waiting' AND ${message}.reason IS NOT NULL)`

/** The code for a link that is shown goes to its address, so those come last that did not go out. */
const firstMessage = sql.fragment`(
  SELECT first.id FROM study_message AS first WHERE first.invitation = invitation.id
  ORDER BY ${isRefused(sql.fragment`first`)}, first.made_at, first.id LIMIT 1)`
