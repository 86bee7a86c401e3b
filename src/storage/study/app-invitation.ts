import { createHash } from 'node:crypto'
import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { digestOf, hashOf } from '../secret/secret.ts'
import { columnOf, type SqlFragment, sql } from '../sql.ts'
import type { InvitationState } from './invitation-state.ts'

/** An app that takes up invitations by itself, because the operator trusts it to do so. In `url`, `CODE` stands for its token. */
export type RedeemingApp = { readonly client: string; readonly name: string; readonly url: string }

/** What an app shows: a link to an invitation, for this app only. */
export type AppInvitation = {
  readonly invitation: string
  readonly client: string
  readonly patient: string
  readonly study: string
  /** That of the study; null if it names none. */
  readonly organization: string | null
  readonly isEnrolled: boolean
  readonly endedBy: InvitationState['endedBy']
  readonly isExpired: boolean
  readonly redeemed: 'never' | 'lately' | 'long-ago'
  /** The grant that the app got last. */
  readonly grant: string | null
  /** Whether the patient has confirmed that the app is theirs, and has not ended it. */
  readonly isProven: boolean
  readonly now: Date
}

/** The token in the app's link in a message: 32 letters and digits, which can be derived from the message's own link. */
export const appToken = (secret: string, client: string): string =>
  createHash('sha256').update(`${secret} ${client}`).digest('hex').slice(0, 32)

export const isAppToken = (text: string): boolean => /^[A-Za-z0-9]{32}$/.test(text)

/** Sorted by name. */
export const listRedeemingApps = (connection: Connection): Promise<readonly RedeemingApp[]> =>
  connection.any<RedeemingApp>(sql.fragment`
    SELECT client.id AS client, client.name, client.registration ->> 'invitation_url' AS url FROM client
    WHERE ${isTrusted} AND client.registration ->> 'invitation_url' IS NOT NULL ORDER BY client.name, client.id`)

/** Makes a link for each app for a message of an invitation; they replace those of an earlier attempt to send it. */
export const keepAppInvitations = async (
  connection: Connection,
  { message, secret }: { readonly message: string; readonly secret: string },
): Promise<void> => {
  const apps = await listRedeemingApps(connection)
  const hashes = columnOf(apps, ({ client }) => digestOf(appToken(secret, client)).toString('hex'), 'text')
  const clients = columnOf(apps, ({ client }) => client, 'text')
  await connection.run(sql.fragment`
    WITH earlier AS (DELETE FROM app_invitation WHERE message = ${message} AND redeemed_at IS NULL)
    INSERT INTO app_invitation (hash, message, invitation, client_id)
    SELECT decode(app.hash, 'hex'), message.id, message.invitation, app.client
    FROM unnest(${hashes}, ${clients}) AS app (hash, client), study_message AS message
    WHERE message.id = ${message} AND message.invitation IS NOT NULL
    ON CONFLICT (hash) DO NOTHING`)
}

/** The apps for which the message with the link has links; none if staff showed the link. */
export const appsOfLink = async (connection: Connection, secret: string): Promise<readonly RedeemingApp[]> => {
  const apps = await listRedeemingApps(connection)
  const hashes = columnOf(apps, ({ client }) => digestOf(appToken(secret, client)).toString('hex'), 'text')
  const kept = await connection.any<{ readonly client: string }>(sql.fragment`
    SELECT client_id AS client FROM app_invitation
    WHERE hash IN (
      SELECT decode(hash, 'hex') FROM unnest(${hashes}) AS asked(hash))`)
  return apps.filter(app => kept.some(({ client }) => client === app.client))
}

/** Undefined if no such link was sent, or the client is no longer trusted. */
export const findAppInvitation = (connection: Connection, token: string): Promise<AppInvitation | undefined> =>
  find(connection, token, sql.fragment``)

/**
 * The same, to redeem it: it stays so until the transaction ends, and so does what the app got last, which the patient may be confirming at this
 * moment.
 */
export const lockAppInvitation = async (connection: Connection, token: string): Promise<AppInvitation | undefined> => {
  await connection.run(sql.fragment`SELECT FROM app_invitation WHERE hash = ${hashOf(token)} FOR UPDATE`)
  await connection.run(sql.fragment`
    SELECT FROM authorization_grant AS given JOIN app_invitation AS link ON link.grant_id = given.id
    WHERE link.hash = ${hashOf(token)} FOR UPDATE OF given`)
  return find(connection, token, sql.fragment`FOR SHARE OF invitation`)
}

const find = (connection: Connection, token: string, locking: SqlFragment): Promise<AppInvitation | undefined> =>
  connection.maybeOne<AppInvitation>(sql.fragment`
    SELECT link.invitation, link.client_id AS client, link.grant_id AS grant, invitation.patient,
      invitation.study_id AS study, study.organization, now() AS now, invitation.ended_by AS "endedBy",
      invitation.expires_at <= now() AS "isExpired",
      EXISTS (
        SELECT FROM enrolment
        WHERE enrolment.id = invitation.subject AND enrolment.patient = invitation.patient AND ${isEnrolled}
      ) AS "isEnrolled",
      EXISTS (
        SELECT FROM authorization_grant AS given
        WHERE given.id = link.grant_id AND NOT given.context ? 'unproven' AND given.revoked_at IS NULL
      ) AS "isProven",
      CASE
        WHEN link.redeemed_at IS NULL THEN 'never'
        WHEN link.redeemed_at > now() - interval '12 hours' THEN 'lately'
        ELSE 'long-ago'
      END AS redeemed
    FROM app_invitation AS link
    JOIN invitation ON invitation.id = link.invitation
    JOIN client ON client.id = link.client_id AND ${isTrusted}
    LEFT JOIN study ON study.id = invitation.study_id
    WHERE link.hash = ${hashOf(token)}
    ${locking}`)

/** In the transaction of the connection: what the app was given before has ended, and this is what it has now. */
export const noteRedeemed = (connection: Connection, token: string, grant: string): Promise<number> =>
  connection.run(sql.fragment`
    UPDATE app_invitation SET redeemed_at = coalesce(redeemed_at, now()), grant_id = ${grant}
    WHERE hash = ${hashOf(token)}`)

/** Deletes links whose invitation ended so many days ago, except if nobody has confirmed yet what an app was given by one. */
export const removeOldAppInvitations = async (connection: Connection, days: number): Promise<void> => {
  await connection.run(sql.fragment`
    DELETE FROM app_invitation AS link
    WHERE coalesce(link.redeemed_at, link.made_at) < now() - make_interval(days => ${days})
      AND NOT EXISTS (
        SELECT FROM invitation
        WHERE invitation.id = link.invitation AND invitation.ended_at IS NULL AND invitation.expires_at > now())
      AND NOT EXISTS (
        SELECT FROM authorization_grant AS unproven
        WHERE unproven.id = link.grant_id AND unproven.context ? 'unproven'
          AND unproven.revoked_at IS NULL AND unproven.expires_at > now())`)
}

const isTrusted = sql.fragment`(
  client.registration IS NOT NULL AND client.disabled_at IS NULL AND NOT client.self_registered
  AND 'redeems-invitations' = ANY(client.policies))`

/**
 * Whether nobody has confirmed whose the app is, and the invitation by which its grant came, or a later one in its place, was called off: somebody
 * may have got it who should not have it, or has tried to guess. The same if the patient is no longer in the study, since then it asks them nothing,
 * and if the operator no longer trusts the app, since nobody else has said whose it is.
 */
export const isCalledOff = (grant: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM app_invitation AS link
  JOIN invitation ON invitation.id = link.invitation
  JOIN authorization_grant AS unproven ON unproven.id = link.grant_id AND unproven.context ? 'unproven'
  WHERE link.grant_id = ${grant} AND (
    EXISTS (
      SELECT FROM invitation AS later
      WHERE later.subject = invitation.subject AND later.made_at >= invitation.made_at
        AND later.ended_by IN ('cancelled', 'tries', 'address'))
    OR NOT EXISTS (
      SELECT FROM enrolment
      WHERE enrolment.id = invitation.subject AND enrolment.patient = invitation.patient AND ${isEnrolled})
    OR NOT EXISTS (SELECT FROM client WHERE client.id = link.client_id AND ${isTrusted})))`
