import { isBarred, isBarredPatient } from '../account/barred.ts'
import { isSessionInForce } from '../account/session-in-force.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { isCalledOff } from '../study/app-invitation.ts'
import { isBeyond } from './outsider.ts'

/**
 * For a row of `authorization_grant`, under its name in the statement. A grant ends with the session to which it was bound, and it is not in force if
 * its Person is not active, if the invitation that it came by was called off, or if the role that it needs has ended.
 */
export const isGrantInForce = (grant: SqlFragment): SqlFragment => sql.fragment`(
  ${grant}.revoked_at IS NULL AND ${grant}.expires_at > now()
  AND (${grant}.session IS NULL OR ${isSessionInForce(sql.fragment`${grant}.session`)})
  AND NOT ${isBarred(sql.fragment`${grant}.person_id`)}
  AND (${grant}.person_id IS NOT NULL OR NOT ${isBarredPatient(sql.fragment`${grant}.patient_id`)}
    AND NOT ${isCalledOff(sql.fragment`${grant}.id`)})
  AND NOT ${isBeyond(grant)})`

/** In a statement: whether the grant with the id is in force. */
export const isGrantIdInForce = (id: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM authorization_grant AS given WHERE given.id = ${id} AND ${isGrantInForce(sql.fragment`given`)})`
