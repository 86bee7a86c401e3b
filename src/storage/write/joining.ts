import { showOnce } from '../audit/shown/shown-once.ts'
import type { Connection } from '../database.ts'
import { renewPermits } from '../model/consent/consent.ts'
import { refuseTwoConsents } from '../model/consent/two-consents.ts'
import { meetSources } from '../model/derivation.ts'
import { followDevices } from '../model/device-parent.ts'
import { numbersOf } from '../model/reference.ts'
import { sql } from '../sql.ts'
import { endLeft } from './ending-left.ts'
import { takeTurnToJoin } from './turn-to-join.ts'
import type { Writing } from './write.ts'

type Unlinked = Omit<Writing, 'linked' | 'newPatients'>

/**
 * Runs the writes of one transaction, and at its end joins the compartments of Patients who turned out to be one human. It is done at the end so
 * that rows that were written in between, with the old number, are moved as well. Unlinking the Patients later does not split them again.
 * `joinings`: how many joinings there had been when the transaction began; since then nobody else can join any.
 */
export const withJoining = async <T>(
  connection: Connection,
  writing: Unlinked,
  joinings: number,
  run: (writing: Writing) => Promise<T>,
): Promise<T> => {
  writing.dictionary.renew(joinings)
  const linking = { ...writing, linked: new Set<string>(), newPatients: new Set<number>() }
  const result = await run(linking)
  for (const person of linking.linked) await joinPatientsOf(connection, person, linking)
  return result
}

const joinPatientsOf = async (connection: Connection, person: string, writing: Writing): Promise<void> => {
  const links = await connection.any<{ patient: string }>(
    sql.fragment`SELECT patient FROM person_patient WHERE person = ${person} ORDER BY patient`,
  )
  if (links.length < 2) return
  const patients = links.map(({ patient }) => patient)
  // Also of a Patient that is written later: its number is kept for it.
  await writing.dictionary.patients.idsOf(patients)
  await takeTurnToJoin(connection)
  const [earlier, ...later] = await numbersOf(connection, patients)
  if (earlier === undefined || later.length === 0) return
  await endLeft(connection, writing, [earlier, ...later])
  await refuseTwoConsents(connection, [earlier, ...later])
  for (const one of later) await connection.run(sql.fragment`SELECT join_compartments(${earlier}, ${one})`)
  await showOnce(connection, earlier)
  await meetSources(connection, earlier)
  await followDevices(connection, earlier, writing)
  const given = await connection.any<{ id: string }>(sql.fragment`
    SELECT DISTINCT grantee.id FROM consent_grantee JOIN grantee ON grantee.grantee = consent_grantee.grantee
    WHERE consent_grantee.patient_id = ${earlier} AND grantee.kind = 'study'`)
  for (const { id } of given) await renewPermits(connection, earlier, { kind: 'study', id }, writing)
}
