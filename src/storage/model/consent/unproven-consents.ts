import { type SqlFragment, sql } from '../../sql.ts'

/**
 * A row of `consent` was last written by an app that took up an invitation by itself, and that nobody has confirmed as theirs. Whoever had the
 * message may have given it, and only for the one record that the message was about.
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
