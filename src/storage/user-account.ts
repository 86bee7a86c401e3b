import { FhirError } from '../fhir/error.ts'
import type { Connection } from './database.ts'
import { sql } from './sql.ts'

/** Id of the Person who signs in with the address. */
const findAccount = async (connection: Connection, email: string): Promise<string | undefined> => {
  const row = await connection.maybeOne<{ person: string }>(
    sql.fragment`SELECT person FROM user_account WHERE email = ${email.toLowerCase()}`,
  )
  return row?.person
}

/**
 * The operator's way to an account: gives the address to the one Person whose telecom has it, if nobody has it yet.
 * Answers the id of the Person; throws where none or several could be meant.
 */
export const openAccount = async (connection: Connection, email: string): Promise<string> => {
  const known = await findAccount(connection, email)
  if (known !== undefined) return known
  const persons = await connection.any<{ id: string }>(sql.fragment`
    SELECT id FROM person
    WHERE EXISTS (
      SELECT FROM jsonb_array_elements(content -> 'telecom') AS telecom
      WHERE telecom ->> 'system' = 'email' AND lower(telecom ->> 'value') = ${email.toLowerCase()})`)
  const [person] = persons
  if (person === undefined) throw new FhirError('not-found', `No Person has the e-mail address ${email}`)
  if (persons.length > 1) throw new FhirError('multiple-matches', `Several Persons have the e-mail address ${email}`)
  await connection.run(
    sql.fragment`INSERT INTO user_account (email, person) VALUES (${email.toLowerCase()}, ${person.id})`,
  )
  return person.id
}
