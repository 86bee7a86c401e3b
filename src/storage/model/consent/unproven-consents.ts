import { type SqlFragment, sql } from '../../sql.ts'

/**
 * A row of `consent` was last written by an app that took up an invitation by itself, and that nobody has confirmed as theirs. Whoever had the
 * message may have given it, and only for the one record that the message was about.
 */
export const isGivenUnproven = (consent: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM principal
  WHERE principal.author = ${consent}.author AND principal.kind = 'patient'
    AND CASE WHEN ${namesGrant} THEN ${isOfUnproven} ELSE ${mayBeUnproven(consent)} END)`

/** What such an app writes names its grant. */
const namesGrant = sql.fragment`strpos(principal.id, ' ') > 0`

const isOfUnproven = sql.fragment`EXISTS (
  SELECT FROM authorization_grant AS given
  WHERE given.id = split_part(principal.id, ' ', 2) AND given.context ? 'unproven')`

/** Older Consents name no grant, whoever gave them: some app of the patient had come by then, of which no grant was ever confirmed. */
const mayBeUnproven = (consent: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM patient_compartment AS own
  JOIN authorization_grant AS given ON given.patient_id = own.id AND given.person_id IS NULL
  WHERE own.patient_id = ${consent}.patient_id AND given.context ? 'unproven'
    AND given.granted_at <= ${consent}.last_updated
    AND NOT EXISTS (
      SELECT FROM authorization_grant AS proven
      WHERE proven.patient_id = given.patient_id AND proven.person_id IS NULL
        AND proven.client_id = given.client_id AND NOT proven.context ? 'unproven'))`
