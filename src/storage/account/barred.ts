import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** In a statement: whether the Person is not active. Then nobody can act as them, whatever they had been given before. */
export const isBarred = (person: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM barred_person WHERE barred_person.person = ${person})`

/** Whether the Patient's own Person is not active. */
export const isBarredPatient = (patient: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM person_patient AS own JOIN barred_person ON barred_person.person = own.person
  WHERE own.patient = ${patient})`

export const isBarredPerson = async (connection: Connection, person: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT WHERE ${isBarred(sql.fragment`${person}`)}`)) !== undefined

export const isBarredPatientId = async (connection: Connection, patient: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT WHERE ${isBarredPatient(sql.fragment`${patient}`)}`)) !== undefined
