import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

type SignInTried = {
  /** Whose account it is; undefined where nobody has such an address. */
  readonly person: string | undefined
  /** 200, 401 for what was wrong, 403 for who may not any more, 429 for too many tries. */
  readonly outcome: 200 | 401 | 403 | 429
}

/**
 * That somebody signed in, or tried to, told also to the patients whose account it is. It is one statement, whoever it is: how
 * long it takes says nothing.
 */
export const recordSignIn = async (connection: Connection, { person, outcome }: SignInTried): Promise<void> => {
  await connection.run(sql.fragment`
    INSERT INTO audit_record (epoch, person, practitioner, client, interaction, patients, kinds, outcome)
    SELECT (SELECT max(epoch) FROM audit_epoch), ${person ?? null},
      (SELECT practitioner FROM person_practitioner WHERE person = ${person ?? null}), 'pages', 'sign-in', ARRAY(
      SELECT DISTINCT compartment.patient_id FROM person_patient AS linked
      JOIN patient_compartment AS compartment ON compartment.id = linked.patient
      WHERE linked.person = ${person ?? null}), '{}', ${outcome}`)
}
