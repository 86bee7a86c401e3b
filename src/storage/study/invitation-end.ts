import type { Connection } from '../database.ts'
import { hashOf, isSecret } from '../secret/secret.ts'
import { sql } from '../sql.ts'

/** `tries`: too many of them were wrong. `ended` says no more, since whoever has a link need not know whether the patient has used it. */
export type InvitationEnd = { readonly kind: 'expired' | 'tries' | 'ended'; readonly at?: Date }

/** When an invitation ended, for whoever has its link; undefined if the link is not known, works, or fails for another reason. */
export const findInvitationEnd = async (connection: Connection, link: string): Promise<InvitationEnd | undefined> =>
  isSecret(link)
    ? connection.maybeOne<InvitationEnd>(sql.fragment`
        SELECT
          CASE WHEN expires_at <= coalesce(ended_at, now()) THEN 'expired' WHEN ended_by = 'tries' THEN 'tries' ELSE 'ended' END AS kind,
          least(ended_at, expires_at) AS at
        FROM invitation
        WHERE least(ended_at, expires_at) <= now() AND id IN (
          SELECT message.invitation FROM study_message AS message WHERE message.hash = ${hashOf(link)}
          UNION ALL SELECT shown.id FROM invitation AS shown WHERE shown.shown_hash = ${hashOf(link)})`)
    : undefined
