import { v7 as uuidv7 } from 'uuid'
import type { Role } from '../../search/expression.ts'
import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** Of somebody into an organization, with a role. */
export type StaffInvitation = {
  readonly id: string
  readonly organization: string
  readonly role: Role
  /** Where it is sent, in lower case. */
  readonly email: string
  /** Id of the Person who gives the role. */
  readonly inviter: string
  readonly expiresAt: Date
}

/** One that was neither taken nor cancelled, for who may send it again. */
export type PendingInvitation = Pick<StaffInvitation, 'id' | 'role' | 'email' | 'expiresAt'> & {
  readonly letter: 'waiting' | 'sent' | 'failed'
  readonly madeAt: Date
  /** Whether its time is over. */
  readonly isLate: boolean
}

/** It replaces one to the same address. Answers its id; there is no link before a letter is made. */
export const makeStaffInvitation = async (
  connection: Connection,
  { organization, role, email, inviter, days }: Omit<StaffInvitation, 'id' | 'expiresAt'> & { readonly days: number },
): Promise<string> => {
  await connection.run(sql.fragment`
    SELECT pg_advisory_xact_lock(hashtext('staff_invitation'), hashtext(${`${organization} ${email}`}))`)
  await connection.run(sql.fragment`
    UPDATE staff_invitation SET ended_at = now(), ended_by = 'replaced'
    WHERE organization = ${organization} AND email = ${email} AND ended_at IS NULL`)
  const id = uuidv7()
  await connection.run(sql.fragment`
    INSERT INTO staff_invitation (id, organization, role, email, inviter, expires_at)
    VALUES (${id}, ${organization}, ${role}, ${email}, ${inviter}, now() + make_interval(days => ${days}))`)
  return id
}

/** The latest first; those whose time is over are among them. */
export const pendingStaffInvitations = (
  connection: Connection,
  organization: string,
  limit: number,
): Promise<readonly PendingInvitation[]> =>
  connection.any<PendingInvitation>(sql.fragment`
    SELECT id, role, email, letter, made_at AS "madeAt", expires_at AS "expiresAt", expires_at <= now() AS "isLate"
    FROM staff_invitation WHERE organization = ${organization} AND ended_at IS NULL
    ORDER BY made_at DESC, id DESC LIMIT ${limit}`)

/** The link of the letter before ends with the next one. Undefined where the organization has no such invitation. */
export const renewStaffInvitation = (
  connection: Connection,
  {
    id,
    organization,
    inviter,
    days,
  }: Pick<StaffInvitation, 'id' | 'organization' | 'inviter'> & { readonly days: number },
): Promise<StaffInvitation | undefined> =>
  connection.maybeOne<StaffInvitation>(sql.fragment`
    UPDATE staff_invitation
    SET letter = 'waiting', inviter = ${inviter}, expires_at = now() + make_interval(days => ${days})
    WHERE id = ${id} AND organization = ${organization} AND ended_at IS NULL RETURNING ${columns}`)

export const findPendingInvitation = (
  connection: Connection,
  organization: string,
  id: string,
): Promise<StaffInvitation | undefined> =>
  connection.maybeOne<StaffInvitation>(sql.fragment`
    SELECT ${columns} FROM staff_invitation WHERE id = ${id} AND organization = ${organization} AND ended_at IS NULL`)

/** Of any number at once, one is told true. */
export const endStaffInvitation = async (
  connection: Connection,
  id: string,
  by: 'used' | 'cancelled',
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE staff_invitation SET ended_at = now(), ended_by = ${by}
    WHERE id = ${id} AND ended_at IS NULL AND (${by} <> 'used' OR expires_at > now())`)) > 0

/** Whose letters wait to be sent. */
export const waitingStaffInvitations = async (connection: Connection): Promise<readonly string[]> =>
  (
    await connection.any<{ id: string }>(
      sql.fragment`SELECT id FROM staff_invitation WHERE letter = 'waiting' AND ${isOpen}`,
    )
  ).map(({ id }) => id)

/** A new link for the letter: a secret is nowhere but in what is sent. */
export const staffLinkToSend = async (
  connection: Connection,
  id: string,
): Promise<{ readonly invitation: StaffInvitation; readonly secret: string } | undefined> => {
  const secret = newSecret()
  const invitation = await connection.maybeOne<StaffInvitation>(sql.fragment`
    UPDATE staff_invitation SET hash = ${hashOf(secret)}
    WHERE id = ${id} AND letter = 'waiting' AND ${isOpen} RETURNING ${columns}`)
  return invitation && { invitation, secret }
}

export const setStaffLetter = async (connection: Connection, id: string, letter: 'sent' | 'failed'): Promise<void> => {
  await connection.run(sql.fragment`UPDATE staff_invitation SET letter = ${letter} WHERE id = ${id}`)
}

/** Undefined where the link is not known, was used or ended, or is too old. */
export const findStaffInvitation = async (
  connection: Connection,
  link: string,
): Promise<StaffInvitation | undefined> =>
  isSecret(link)
    ? connection.maybeOne<StaffInvitation>(sql.fragment`
        SELECT ${columns} FROM staff_invitation WHERE hash = ${hashOf(link)} AND ${isOpen}`)
    : undefined

const columns = sql.fragment`id, organization, role, email, inviter, expires_at AS "expiresAt"`

const isOpen: SqlFragment = sql.fragment`(ended_at IS NULL AND expires_at > now())`
