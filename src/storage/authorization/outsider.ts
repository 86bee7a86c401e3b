import { inForce } from '../model/reference.ts'
import { name, type SqlFragment, sql } from '../sql.ts'

/**
 * In a statement: whether the client of a row `client` has not been approved by anybody for whom the practitioner works. Either it registered itself,
 * or it belongs to an organization where, and below which, they have no role now. Through such a client, staff do not act as staff.
 */
export const isOutsider = (practitioner: SqlFragment): SqlFragment => sql.fragment`(
  client.self_registered OR client.organization IS NOT NULL AND NOT ${isMemberBelow(practitioner, sql.fragment`client.organization`)})`

const isMemberBelow = (practitioner: SqlFragment, organization: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM membership
  JOIN organization_ancestor AS tree ON tree.organization = membership.organization AND tree.ancestor = ${organization}
  WHERE membership.practitioner = ${practitioner}
    AND ${inForce(name('membership'))})`

/** Whether any of the scopes reaches what staff see. */
export const hasUserScopes = (scope: SqlFragment): SqlFragment =>
  sql.fragment`${scope} ~ '(^| )(http://smarthealthit.org/fhir/scopes/)?user/'`

/**
 * Whether a grant gives its client what its Person can no longer give, or never could: what they see as staff, through a client that their place of
 * work has not approved; or, to a client that registered itself, anything that is not their own.
 */
export const isBeyond = (grant: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM client
  LEFT JOIN person_practitioner AS staff ON staff.person = ${grant}.person_id
  WHERE client.id = ${grant}.client_id AND (client.self_registered OR client.organization IS NOT NULL)
    AND (${hasUserScopes(sql.fragment`${grant}.scope`)} OR ${grant}.patient_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM person_patient AS own WHERE own.person = ${grant}.person_id AND own.patient = ${grant}.patient_id))
    AND ${grant}.person_id IS NOT NULL AND ${isOutsider(sql.fragment`staff.practitioner`)}
    AND (client.self_registered OR staff.practitioner IS NOT NULL OR EXISTS (
      SELECT FROM user_account AS account WHERE account.person = ${grant}.person_id AND account.administrator)))`
