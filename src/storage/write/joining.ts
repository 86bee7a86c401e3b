import { showOnce } from '../audit/shown/shown-once.ts'
import type { Connection } from '../database.ts'
import { renewPermits } from '../model/consent/consent.ts'
import { refuseTwoConsents } from '../model/consent/two-consents.ts'
import { meetSources } from '../model/derivation.ts'
import { followDevices } from '../model/device-parent.ts'
import { numbersOf } from '../model/reference.ts'
import { beginJoining } from '../other-joining.ts'
import { sql } from '../sql.ts'
import { followAnswer } from './answered-places.ts'
import { endLeft } from './ending-left.ts'
import { beginGathering } from './gathered.ts'
import { aMomentEach } from './in-tries.ts'
import { moveAhead } from './moving-ahead.ts'
import { takeTurnToJoin } from './turn-to-join.ts'
import type { Signed, Writing } from './write.ts'

/**
 * Runs the writes of one transaction, and at its end joins the compartments of Patients who turned out to be one human. It is done at the end so
 * that rows that were written in between, with the old number, are moved as well. Unlinking the Patients later does not split them again.
 * `joinings`: how many joinings there had been when the transaction began; since then nobody else can join any.
 */
export const withJoining = async <T>(
  connection: Connection,
  writing: Signed,
  joinings: number,
  run: (writing: Writing) => Promise<T>,
): Promise<T> => {
  writing.dictionary.renew(joinings)
  const linking = { ...writing, ...beginGathering() }
  const result = await run(linking)
  await joinLinked(connection, linking)
  return result
}

/** Those who are linked by now. */
export const joinLinked = async (connection: Connection, writing: Writing): Promise<void> => {
  const persons = [...writing.linked]
  writing.linked.clear()
  for (const person of persons) await joinPatientsOf(connection, person, writing)
}

const joinPatientsOf = async (connection: Connection, person: string, writing: Writing): Promise<void> => {
  const links = await connection.any<{ patient: string }>(
    sql.fragment`SELECT patient FROM person_patient WHERE person = ${person} ORDER BY patient`,
  )
  if (links.length < 2) return
  const patients = links.map(({ patient }) => patient)
  // Also of a Patient that is written later: its number is kept for it.
  await writing.dictionary.patients.idsOf(patients)
  await beginJoining(connection)
  const [kept, ...moved] = await largestFirst(connection, await numbersOf(connection, patients))
  if (kept === undefined || moved.length === 0) return
  for (const one of moved) {
    // Others go on signing meanwhile: what is refused in the end is not to be moved first.
    await refuseTwoConsents(connection, [kept, ...moved])
    await moveAhead(connection, kept, one)
  }
  await takeTurnToJoin(connection, aMomentEach)
  await endLeft(connection, writing, [kept, ...moved])
  await refuseTwoConsents(connection, [kept, ...moved])
  for (const one of moved) await connection.run(sql.fragment`SELECT join_compartments(${kept}, ${one})`)
  await showOnce(connection, kept)
  await meetSources(connection, kept)
  await followDevices(connection, kept, writing)
  const given = await connection.any<{ id: string }>(sql.fragment`
    SELECT DISTINCT grantee.id FROM consent_grantee JOIN grantee ON grantee.grantee = consent_grantee.grantee
    WHERE consent_grantee.patient_id = ${kept} AND grantee.kind = 'study'`)
  for (const { id } of given) {
    await renewPermits(connection, kept, { kind: 'study', id }, writing)
    await followAnswer(connection, writing, { patientId: kept, study: id })
  }
}

/** Observations take as long to move as to write. So those are moved of whom there are fewer. */
const largestFirst = async (connection: Connection, numbers: readonly number[]): Promise<readonly number[]> => {
  const rows = await connection.any<{ number: number }>(sql.fragment`
    SELECT number FROM unnest(${sql.array([...numbers], 'int4')}) AS number
    ORDER BY (SELECT count(*) FROM observation WHERE patient_id = number) DESC, number`)
  return rows.map(({ number }) => number)
}
