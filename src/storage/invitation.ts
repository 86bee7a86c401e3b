import { v7 as uuidv7 } from 'uuid'
import type { Connection } from './database.ts'
import { isEnrolled } from './model/enrolled.ts'
import { digestOf, isSecret, newSecret } from './secret.ts'
import { type SqlFragment, sql } from './sql.ts'

/** Into a study, for one Patient. Everything is named by its id. */
export type Invitation = {
  readonly id: string
  readonly subject: string
  readonly study: string
  readonly patient: string
  /** Where it is sent. */
  readonly email: string
  readonly expiresAt: Date
}

/** What became of an invitation, for staff. */
export type InvitationState = Pick<Invitation, 'subject'> & {
  readonly letter: 'waiting' | 'sent' | 'failed'
  readonly madeAt: Date
  readonly expiresAt: Date
  readonly isOpen: boolean
  readonly endedBy?: 'used' | 'cancelled' | 'replaced' | 'tries' | 'address'
}

/** It replaces the one before. Answers its id; there is no link before a letter is made. */
export const makeInvitation = async (
  connection: Connection,
  { subject, study, patient, email, days }: Omit<Invitation, 'id' | 'expiresAt'> & { readonly days: number },
): Promise<string> => {
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('invitation'), hashtext(${subject}))`)
  await endInvitation(connection, subject, 'replaced')
  const id = uuidv7()
  await connection.run(sql.fragment`
    INSERT INTO invitation (id, subject, study_id, patient, email, expires_at)
    VALUES (${id}, ${subject}, ${study}, ${patient}, ${email}, now() + make_interval(days => ${days}))`)
  return id
}

/** False where there is none that could end. */
export const endInvitation = async (
  connection: Connection,
  subject: string,
  by: 'cancelled' | 'replaced',
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE invitation SET ended_at = now(), ended_by = ${by} WHERE subject = ${subject} AND ended_at IS NULL`)) > 0

/** The last one of each. */
export const invitationsOf = async (
  connection: Connection,
  subjects: readonly string[],
): Promise<readonly InvitationState[]> => {
  const rows = await connection.any<StateRow>(sql.fragment`
    SELECT DISTINCT ON (subject) subject, letter, made_at, expires_at, ended_by, ${isOpen} AS open
    FROM invitation WHERE subject = ANY (${sql.array([...subjects], 'text')}) ORDER BY subject, made_at DESC, id DESC`)
  return rows.map(({ subject, letter, made_at: madeAt, expires_at: expiresAt, ended_by, open }) => ({
    subject,
    letter,
    madeAt,
    expiresAt,
    isOpen: open,
    ...(ended_by === null ? {} : { endedBy: ended_by }),
  }))
}

type StateRow = {
  readonly subject: string
  readonly letter: InvitationState['letter']
  readonly made_at: Date
  readonly expires_at: Date
  readonly ended_by: NonNullable<InvitationState['endedBy']> | null
  readonly open: boolean
}

/** Whose letters wait to be sent. */
export const waitingInvitations = async (connection: Connection): Promise<readonly string[]> =>
  (
    await connection.any<{ id: string }>(
      sql.fragment`SELECT id FROM invitation WHERE letter = 'waiting' AND ended_at IS NULL AND expires_at > now()`,
    )
  ).map(({ id }) => id)

/** A new link for the letter, which ends the one of a letter before: a secret is nowhere but in what is sent. */
export const linkToSend = (connection: Connection, id: string) =>
  withLink(connection, sql.fragment`hash`, sql.fragment`id = ${id} AND letter = 'waiting'`)

/** A new link to be shown, which ends the one that was shown before. */
export const linkToShow = (connection: Connection, subject: string) =>
  withLink(connection, sql.fragment`shown_hash`, sql.fragment`subject = ${subject}`)

const withLink = async (
  connection: Connection,
  column: SqlFragment,
  where: SqlFragment,
): Promise<{ readonly invitation: Invitation; readonly secret: string } | undefined> => {
  const secret = newSecret()
  const invitation = await connection.maybeOne<Invitation>(sql.fragment`
    UPDATE invitation SET ${column} = ${hashOf(secret)} WHERE ${where} AND ${isOpen} RETURNING ${columns}`)
  return invitation && { invitation, secret }
}

export const setLetter = async (connection: Connection, id: string, letter: 'sent' | 'failed'): Promise<void> => {
  await connection.run(sql.fragment`UPDATE invitation SET letter = ${letter} WHERE id = ${id}`)
}

/** Undefined where the link is not known, was used or ended, or is too old. */
export const findInvitation = async (connection: Connection, link: string): Promise<Invitation | undefined> =>
  isSecret(link)
    ? connection.maybeOne<Invitation>(sql.fragment`SELECT ${columns} FROM invitation WHERE ${isOf(link)} AND ${isOpen}`)
    : undefined

export const setCode = async (connection: Connection, id: string, code: Buffer): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE invitation SET code = ${sql.binary(code)}, code_expires_at = now() + interval '15 minutes'
    WHERE id = ${id} AND ${isOpen}`)
}

type Shown = { readonly birthDate: string; readonly code: Buffer }

/**
 * Whether both are right, in one statement: of any number at once, as many are tried as of those in a row, and a code counts
 * once. The last wrong try that is allowed ends the invitation.
 */
export const tryProof = async (
  connection: Connection,
  id: string,
  { birthDate, code }: Shown,
): Promise<'right' | 'wrong' | 'ended'> => {
  // Of the row alone, so that whoever waited for another try judges what that one has left.
  const isRight = sql.fragment`coalesce(
    invitation.code = ${sql.binary(code)} AND invitation.code_expires_at > now() AND ${birthDate} = (
      SELECT person.content ->> 'birthDate' FROM patient_compartment AS compartment
      JOIN patient AS person ON person.patient_id = compartment.patient_id AND person.id = compartment.id
      WHERE compartment.id = invitation.patient), FALSE)`
  const isLast = sql.fragment`NOT ${isRight} AND tries + 1 >= ${mostTries}`
  const row = await connection.maybeOne<{ answer: 'right' | 'wrong' | 'ended' }>(sql.fragment`
    UPDATE invitation SET
      tries = CASE WHEN ${isRight} THEN 0 ELSE tries + 1 END,
      code = CASE WHEN ${isRight} THEN NULL ELSE code END,
      ended_at = CASE WHEN ${isLast} THEN now() END,
      ended_by = CASE WHEN ${isLast} THEN 'tries' END
    WHERE id = ${id} AND ${isOpen}
    RETURNING CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN tries = 0 THEN 'right' ELSE 'wrong' END AS answer`)
  return row?.answer ?? 'ended'
}

const mostTries = 5

/** Answers what the browser is to keep, for half an hour. */
export const makeProof = async (connection: Connection, id: string): Promise<string> => {
  const secret = newSecret()
  await connection.run(sql.fragment`DELETE FROM invitation_proof WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO invitation_proof (hash, invitation, expires_at)
    VALUES (${hashOf(secret)}, ${id}, now() + interval '30 minutes')`)
  return secret
}

/** The invitation for which a browser has shown whose it is. */
export const findProven = async (connection: Connection, proof: string): Promise<Invitation | undefined> =>
  isSecret(proof)
    ? connection.maybeOne<Invitation>(sql.fragment`
        SELECT ${columns} FROM invitation
        WHERE ${isOpen} AND id = (
          SELECT invitation FROM invitation_proof WHERE hash = ${hashOf(proof)} AND invitation_proof.expires_at > now())`)
    : undefined

/** Of any number at once, one is told true. */
export const useInvitation = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE invitation SET ended_at = now(), ended_by = 'used' WHERE id = ${id} AND ${isOpen}`)) > 0

/** Whether the Patient was registered in the tenant of the organization. */
export const isOfTenant = async (connection: Connection, patient: string, organization: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM patient_compartment AS compartment
    JOIN patient ON patient.patient_id = compartment.patient_id AND patient.id = compartment.id
    JOIN organization_node AS registering ON registering.id = patient.owner
    JOIN organization_node AS inviting ON inviting.tenant = registering.tenant
    WHERE compartment.id = ${patient} AND inviting.id = ${organization}`)) !== undefined

/** Whether the Patient is somebody else's account already. Until the transaction ends nobody else makes it theirs. */
export const isOfAnother = async (connection: Connection, patient: string, person: string): Promise<boolean> => {
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('account of'), hashtext(${patient}))`)
  const other = await connection.maybeOne(
    sql.fragment`SELECT FROM person_patient WHERE patient = ${patient} AND person <> ${person} LIMIT 1`,
  )
  return other !== undefined
}

const columns = sql.fragment`invitation.id, invitation.subject, invitation.study_id AS study, invitation.patient, invitation.email,
  invitation.expires_at AS "expiresAt"`

const hashOf = (secret: string) => sql.binary(digestOf(secret))

const isOf = (link: string): SqlFragment => sql.fragment`(hash = ${hashOf(link)} OR shown_hash = ${hashOf(link)})`

/** Who is not in the study any more has no way into it. */
const isOpen: SqlFragment = sql.fragment`(
  invitation.ended_at IS NULL AND invitation.expires_at > now() AND EXISTS (
    SELECT FROM enrolment WHERE enrolment.id = invitation.subject AND enrolment.patient = invitation.patient AND ${isEnrolled}))`
