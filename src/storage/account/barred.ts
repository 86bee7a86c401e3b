import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** Whether the Person is not active, within a statement: nobody acts as them, by whatever they had before. */
export const isBarred = (person: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM barred_person WHERE barred_person.person = ${person})`

export const isBarredPerson = async (connection: Connection, person: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT WHERE ${isBarred(sql.fragment`${person}`)}`)) !== undefined
