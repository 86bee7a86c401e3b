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
 * The operator's way to an account: gives the address to the Person, if nobody has it yet. What a Person's own telecom says
 * decides nothing: its managers write it, and would choose whose account somebody else's address opens.
 * Answers the id of the Person who signs in with the address.
 */
export const openAccount = async (connection: Connection, email: string, person?: string): Promise<string> => {
  const known = await findAccount(connection, email)
  if (known !== undefined) {
    if (person === undefined || person === known) return known
    throw new FhirError('conflict', `${email} is the address of Person/${known} already`)
  }
  if (person === undefined)
    throw new FhirError('not-found', `Nobody signs in with ${email} yet: say which Person it is the address of`)
  const given = await connection.run(sql.fragment`
    INSERT INTO user_account (email, person) SELECT ${email.toLowerCase()}, id FROM person WHERE id = ${person}`)
  if (given === 0) throw new FhirError('not-found', `Person/${person} is not known`)
  return person
}
