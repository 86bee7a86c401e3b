import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { currentDoor } from './door.ts'

type SignInTried = {
  /** Whose account it is; undefined if nobody has such an address. */
  readonly person: string | undefined
  /** 200, 401 if something was wrong, 403 if they may no longer sign in, 429 after too many tries. */
  readonly outcome: 200 | 401 | 403 | 429
}

/**
 * Records that somebody signed in, or tried to, in the current request. The patients whose account it is are told too; for staff and administrators
 * who are patients as well, in a row of its own, since privacy officers and other administrators must not learn of that. It is one statement for
 * everybody, so that its duration reveals nothing.
 */
export const recordSignIn = async (connection: Connection, { person, outcome }: SignInTried): Promise<void> => {
  await connection.run(sql.fragment`
    INSERT INTO audit_record (epoch, request, person, practitioner, patient, client, interaction, patients, kinds, outcome)
    SELECT (SELECT max(epoch) FROM audit_epoch), ${currentDoor().request ?? null}::text, ${person ?? null},
      told.practitioner, told.patient, 'pages', 'sign-in', told.patients, '{}', ${outcome}
    FROM (
      SELECT (SELECT practitioner FROM person_practitioner WHERE person = ${person ?? null}) AS practitioner,
        works_here(${person ?? null}) AS works,
        min(compartment.id) AS patient, coalesce(array_agg(DISTINCT compartment.patient_id), '{}'::integer[]) AS patients
      FROM person_patient AS linked JOIN patient_compartment AS compartment ON compartment.id = linked.patient
      WHERE linked.person = ${person ?? null}) AS who
    CROSS JOIN LATERAL (
      SELECT who.practitioner, NULL::text AS patient, CASE WHEN who.works THEN '{}' ELSE who.patients END AS patients
      UNION ALL
      SELECT NULL, who.patient, who.patients WHERE who.works AND who.patients <> '{}') AS told`)
}

type ClientSignInTried = {
  /** Id of the client. */
  readonly client: string
  /** 200 for a token of its own, 401 if it did not prove who it is. */
  readonly outcome: 200 | 401
}

/**
 * The same for a client. False if nothing is recorded, because nobody has approved the client: whoever makes up ids, or registers clients of their
 * own, must not be able to fill the disk.
 */
export const recordClientSignIn = async (
  connection: Connection,
  { client, outcome }: ClientSignInTried,
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    INSERT INTO audit_record (epoch, request, client, interaction, patients, kinds, outcome)
    SELECT (SELECT max(epoch) FROM audit_epoch), ${currentDoor().request ?? null}::text, client.id, 'sign-in', '{}', '{}', ${outcome}
    FROM client
    WHERE client.id = ${client} AND client.registration IS NOT NULL AND NOT client.self_registered`)) > 0
