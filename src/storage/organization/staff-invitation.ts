import type { OrganizationRole } from '../../access/vocabulary.ts'
import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** An invitation into an organization, with a role. */
export type StaffInvitation = {
  readonly id: string
  readonly organization: string
  readonly role: OrganizationRole
  /** The address to which it is sent, in lower case. */
  readonly email: string
  /** Id of the Person who gives the role. */
  readonly inviter: string
  readonly expiresAt: Date
}

/** An invitation that was neither used nor cancelled, for those who may send it again. */
export type PendingInvitation = Pick<StaffInvitation, 'id' | 'role' | 'email' | 'expiresAt'> & {
  readonly letter: 'waiting' | 'sent' | 'failed'
  /** Why it was not sent at the last attempt. */
  readonly reason: string | null
  readonly madeAt: Date
  /** Whether it has expired. */
  readonly isLate: boolean
}

/** Until the transaction ends, nobody else makes an invitation of this address or sends one again. */
export const takeTurnToInvite = (
  connection: Connection,
  { organization, email }: Pick<StaffInvitation, 'organization' | 'email'>,
): Promise<number> =>
  connection.run(sql.fragment`
    SELECT pg_advisory_xact_lock(hashtext('staff_invitation'), hashtext(${`${organization} ${email}`}))`)

/** Replaces an invitation to the same address; a link exists only once a letter is made. False if it was made before. */
export const makeStaffInvitation = async (
  connection: Connection,
  { id, organization, role, email, inviter, days }: Omit<StaffInvitation, 'expiresAt'> & { readonly days: number },
): Promise<boolean> => {
  await takeTurnToInvite(connection, { organization, email })
  if (await isStaffInvitation(connection, id)) return false
  await connection.run(sql.fragment`
    UPDATE staff_invitation SET ended_at = now(), ended_by = 'replaced'
    WHERE organization = ${organization} AND email = ${email} AND ended_at IS NULL`)
  await connection.run(sql.fragment`
    INSERT INTO staff_invitation (id, organization, role, email, inviter, expires_at)
    VALUES (${id}, ${organization}, ${role}, ${email}, ${inviter}, now() + make_interval(days => ${days}))`)
  return true
}

/** Whether there is one with the id, or was one. */
export const isStaffInvitation = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM staff_invitation WHERE id = ${id}`)) !== undefined

/** Newest first, with those that have expired. */
export const pendingStaffInvitations = (
  connection: Connection,
  organization: string,
  limit: number,
): Promise<readonly PendingInvitation[]> =>
  connection.any<PendingInvitation>(sql.fragment`
    SELECT id, role, email, letter, reason, made_at AS "madeAt", expires_at AS "expiresAt", expires_at <= now() AS "isLate"
    FROM staff_invitation WHERE organization = ${organization} AND ended_at IS NULL
    ORDER BY made_at DESC, id DESC LIMIT ${limit}`)

/** The link of the previous letter ends when the next one is made. Undefined if the organization has no such invitation. */
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
    SET letter = 'waiting', reason = NULL, inviter = ${inviter}, expires_at = now() + make_interval(days => ${days})
    WHERE id = ${id} AND organization = ${organization} AND ended_at IS NULL RETURNING ${columns}`)

export const findPendingInvitation = (
  connection: Connection,
  organization: string,
  id: string,
): Promise<StaffInvitation | undefined> =>
  connection.maybeOne<StaffInvitation>(sql.fragment`
    SELECT ${columns} FROM staff_invitation WHERE id = ${id} AND organization = ${organization} AND ended_at IS NULL`)

/** If several end it at the same time, one gets true. */
export const endStaffInvitation = async (
  connection: Connection,
  id: string,
  by: 'used' | 'cancelled',
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE staff_invitation SET ended_at = now(), ended_by = ${by}
    WHERE id = ${id} AND ended_at IS NULL AND (${by} <> 'used' OR expires_at > now())`)) > 0

/** Ids of invitations whose letters wait to be sent. */
export const waitingStaffInvitations = async (connection: Connection): Promise<readonly string[]> =>
  (
    await connection.any<{ id: string }>(
      sql.fragment`SELECT id FROM staff_invitation WHERE letter = 'waiting' AND ${isOpen}`,
    )
  ).map(({ id }) => id)

/** A new link for the letter, since its secret is stored nowhere. */
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

/** It was sent; or, with a reason, it was not, and if it still waits, it will be tried again. */
export const setStaffLetter = async (
  connection: Connection,
  id: string,
  letter: PendingInvitation['letter'],
  reason?: string,
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE staff_invitation SET letter = ${letter}, reason = ${reason ?? null} WHERE id = ${id} AND letter = 'waiting'`)
}

/** Undefined if the link is not known, was used or ended, or is too old. */
export const findStaffInvitation = (connection: Connection, link: string): Promise<StaffInvitation | undefined> =>
  findByLink(connection, link, isOpen)

/** The one that somebody has accepted by this link. */
export const findUsedStaffInvitation = (connection: Connection, link: string): Promise<StaffInvitation | undefined> =>
  findByLink(connection, link, sql.fragment`ended_by = 'used'`)

const findByLink = async (
  connection: Connection,
  link: string,
  isSo: SqlFragment,
): Promise<StaffInvitation | undefined> =>
  isSecret(link)
    ? connection.maybeOne<StaffInvitation>(sql.fragment`
        SELECT ${columns} FROM staff_invitation WHERE hash = ${hashOf(link)} AND ${isSo}`)
    : undefined

const columns = sql.fragment`id, organization, role, email, inviter, expires_at AS "expiresAt"`

const isOpen: SqlFragment = sql.fragment`(ended_at IS NULL AND expires_at > now())`
