import { inForce } from '../model/reference.ts'
import { name, type SqlFragment, sql } from '../sql.ts'

/**
 * Whether the client of a row `client` is nobody's whom the practitioner works for, within a statement: it registered itself, or belongs
 * to an organization at which, or below which, they have no role now. Through it staff are only who else they are.
 */
export const isOutsider = (practitioner: SqlFragment): SqlFragment => sql.fragment`(
  client.self_registered OR client.organization IS NOT NULL AND NOT ${isMemberBelow(practitioner, sql.fragment`client.organization`)})`

/** Whether a practitioner has a role in the Organization or below it. */
const isMemberBelow = (practitioner: SqlFragment, organization: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM membership
  JOIN organization_ancestor AS tree ON tree.organization = membership.organization AND tree.ancestor = ${organization}
  WHERE membership.practitioner = ${practitioner}
    AND ${inForce(name('membership'))})`

/** Whether scopes have some that reach what staff see. */
export const hasUserScopes = (scope: SqlFragment): SqlFragment =>
  sql.fragment`${scope} ~ '(^| )(http://smarthealthit.org/fhir/scopes/)?user/'`

/**
 * Whether a grant gives its client what its Person cannot let it have any more, or never could: what they see as staff, through a client
 * that their place of work did not approve; of one that registered itself, anything but what is their own.
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
