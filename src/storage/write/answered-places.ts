import { isDeepStrictEqual } from 'node:util'
import type { ResearchSubject } from '@medplum/fhirtypes'
import { fullAccess, restrict } from '../../access/access.ts'
import { parseJson } from '../../fhir/json.ts'
import { findCurrent, lockPlace } from '../current.ts'
import type { Connection } from '../database.ts'
import { type Answer, findAnswer, noAnswer, type Placed, withAnswer } from '../model/answered-subject.ts'
import { isNumbered, prepare } from '../prepare/prepare.ts'
import { typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'
import type { Write, Written } from '../store.ts'
import { numberAllowed } from './number-allowed.ts'
import { replaceResource } from './update.ts'
import type { Writing } from './write.ts'

/** Locked before the patient's turn is taken, as by whoever writes a place, so that the two never wait for each other. */
export const holdAnsweredPlaces = async (connection: Connection, { patientId, study }: Placed): Promise<void> => {
  await connection.any(sql.fragment`
    SELECT FROM enrolment
    JOIN resource_identity AS identity ON identity.type_id = ${typeIdOf('ResearchSubject')} AND identity.id = enrolment.id
    WHERE enrolment.patient_id = ${patientId} AND enrolment.study_id = ${study}
    ORDER BY identity.id FOR UPDATE OF identity`)
}

/**
 * Lets the places say what the patient's Consents to the study say by now: a next version of each that says something else. To be called in the patient's
 * turn.
 */
export const followAnswer = async (connection: Connection, writing: Writing, placed: Placed): Promise<void> => {
  const places = await connection.any<{ id: string }>(sql.fragment`
    SELECT id FROM enrolment WHERE patient_id = ${placed.patientId} AND study_id = ${placed.study} ORDER BY id`)
  const answer = places.length === 0 ? undefined : await findAnswer(connection, placed)
  if (answer === undefined) return
  for (const { id } of places) await rewrite(connection, writing, id, answer)
}

/** Who is in the study, and until when, stays as it is, so that nothing else follows from it. */
const rewrite = async (connection: Connection, writing: Writing, id: string, answer: Answer): Promise<void> => {
  const ours = { ...writing, access: fullAccess }
  await lockPlace(connection, ours, 'ResearchSubject', id)
  const current = await findCurrent(connection, ours, 'ResearchSubject', id, 'u')
  if (current === undefined) return
  const stored = parseJson(current.content) as ResearchSubject
  const resource = withAnswer(stored, answer)
  if (isDeepStrictEqual(resource, stored)) return
  const { pk, owner, patientId } = current
  const version = Number(current.versionId) + 1
  // Patients who are being joined have numbers that only this transaction knows.
  const draft = { resource, id, pk, version, owner, patientId, author: writing.author }
  const prepared = await prepare(connection, ours, [draft], new Date())
  const [candidate] = (await numberAllowed(connection, ours, prepared, 'u')).filter(isNumbered)
  if (candidate === undefined) throw new Error('a next version without a candidate')
  await replaceResource(connection, candidate, restrict(fullAccess, 'u', 'ResearchSubject'), writing.classes)
}

/**
 * Writes a study. Once only its staff read it, its places say nothing any more of what people have answered: whoever registers people for it goes on
 * reading the places.
 */
export const withNarrowedPlaces = async (
  connection: Connection,
  writing: Writing,
  write: Write,
  change: () => Promise<Written>,
): Promise<Written> => {
  if (write.kind === 'create' || write.kind === 'delete' || typeOf(write) !== 'ResearchStudy') return change()
  const before = await findAccess(connection, write.id)
  const written = await change()
  if (before !== 'organization' || (await findAccess(connection, write.id)) !== 'staff') return written
  const places = await connection.any<{ id: string }>(
    sql.fragment`SELECT id FROM enrolment WHERE study_id = ${write.id} ORDER BY id`,
  )
  for (const { id } of places) await rewrite(connection, writing, id, noAnswer)
  return written
}

const typeOf = (write: Extract<Write, { kind: 'update' | 'patch' }>) =>
  write.kind === 'patch' ? write.type : write.resource.resourceType

/** Who reads the study. */
const findAccess = async (connection: Connection, study: string): Promise<string | undefined> =>
  (await connection.maybeOne<{ access: string }>(sql.fragment`SELECT access FROM study WHERE id = ${study}`))?.access
