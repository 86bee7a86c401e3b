import { type SqlFragment, sql } from '../../sql.ts'

/**
 * A row of `consent` was written last by an app that may have come by an invitation alone, and that nobody has said is theirs: whoever had
 * the message gave it, for the one record that they could have it sent for.
 */
export const isGivenUnproven = (consent: SqlFragment): SqlFragment => sql.fragment`(
  (SELECT kind FROM principal WHERE principal.author = ${consent}.author) = 'patient'
  AND EXISTS (
    SELECT FROM patient_compartment AS own
    JOIN authorization_grant AS given ON given.patient_id = own.id AND given.person_id IS NULL
    WHERE own.patient_id = ${consent}.patient_id AND given.context ? 'unproven'
      AND given.granted_at <= ${consent}.last_updated
      AND NOT EXISTS (
        SELECT FROM authorization_grant AS proven
        WHERE proven.patient_id = given.patient_id AND proven.person_id IS NULL
          AND proven.client_id = given.client_id AND NOT proven.context ? 'unproven')))`
