import { isBarred, isBarredPatient } from '../account/barred.ts'
import { isSessionInForce } from '../account/session-in-force.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { isCalledOff } from '../study/app-invitation.ts'
import { isBeyond } from './outsider.ts'

/**
 * Of a row of `authorization_grant`, by the name that it has in the statement. A session that is signed out takes what was granted
 * with it along. A Person who is not active grants nothing, nor does an invitation that was called off, nor a role that is over.
 */
export const isGrantInForce = (grant: SqlFragment): SqlFragment => sql.fragment`(
  ${grant}.revoked_at IS NULL AND ${grant}.expires_at > now()
  AND (${grant}.session IS NULL OR ${isSessionInForce(sql.fragment`${grant}.session`)})
  AND NOT ${isBarred(sql.fragment`${grant}.person_id`)}
  AND (${grant}.person_id IS NOT NULL OR NOT ${isBarredPatient(sql.fragment`${grant}.patient_id`)}
    AND NOT ${isCalledOff(sql.fragment`${grant}.id`)})
  AND NOT ${isBeyond(grant)})`

/** Whether the grant of the id is in force, within a statement. */
export const isGrantIdInForce = (id: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM authorization_grant AS given WHERE given.id = ${id} AND ${isGrantInForce(sql.fragment`given`)})`
