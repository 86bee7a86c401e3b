import type { ResourceType } from '@medplum/fhirtypes'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { tableOf } from '../row.ts'
import { sql } from '../sql.ts'
import { findSubscriber } from '../subscription/subscriber.ts'
import type { QuestionOf } from '../subscription/subscription-event.ts'
import { attempt, undone } from './savepoint.ts'
import type { Place } from './update.ts'

export type Listening = {
  readonly classes: CodeClasses
  /** Absent where nothing is deleted that somebody is told of. */
  readonly questionOf?: QuestionOf | undefined
}

type Asking = { readonly classes: CodeClasses; readonly questionOf: QuestionOf }

/**
 * Keeps whose Subscriptions the current row matches, as the deletion is told to them: asked of it before it is deleted, since whom it was
 * given to is gone with it. Of most types nobody is told.
 */
export const keepDeletion = async (
  connection: Connection,
  { classes, questionOf }: Listening,
  place: Place,
  version: number,
): Promise<void> => {
  if (questionOf === undefined || !toldTypes.has(place.type)) return
  const matched = await subscribersOf(connection, { classes, questionOf }, place)
  if (matched.length === 0) return
  await connection.run(sql.fragment`
    INSERT INTO change (type, patient_id, pk, deletion, subscribers)
    VALUES (${place.type}, ${place.patientId}, ${place.pk}, ${version}, ${sql.array([...matched], 'text')})`)
}

/** By deleting one of these a patient or a study ends what was agreed. */
const toldTypes: ReadonlySet<ResourceType> = new Set(['Consent', 'ResearchSubject'])

const subscribersOf = async (connection: Connection, asking: Asking, place: Place): Promise<readonly string[]> => {
  const matched: string[] = []
  const listeners = await listenersNear(connection, place)
  if (listeners.length === 0) return matched
  // It also puts back how long a statement may take.
  await undone(connection, async () => {
    await connection.run(sql.fragment`SET LOCAL statement_timeout = 5000`)
    for (const id of listeners) {
      const asked = await attempt(connection, () => isMatched(connection, asking, place, id))
      if ('done' in asked && asked.done) matched.push(id)
    }
  })
  return matched
}

/** Without those who come for another patient, of whom there may be as many as there are patients: they could not see it. */
const listenersNear = async (connection: Connection, { type, patientId }: Place): Promise<readonly string[]> => {
  const rows = await connection.any<{ id: string }>(sql.fragment`
    SELECT id FROM subscriber
    WHERE type = ${type} AND status <> 'off' AND (
      kind NOT IN ('patient', 'user')
      OR EXISTS (SELECT FROM person_practitioner AS staff WHERE staff.person = subscriber.person_id)
      OR ${patientId}::integer = 0
      OR EXISTS (
        SELECT FROM patient_compartment AS own
        WHERE own.patient_id = ${patientId} AND (own.id = subscriber.patient_id OR EXISTS (
          SELECT FROM person_patient AS linked
          WHERE linked.person = subscriber.person_id AND linked.patient = own.id))))
    ORDER BY id`)
  return rows.map(({ id }) => id)
}

const isMatched = async (
  connection: Connection,
  { classes, questionOf }: Asking,
  { type, patientId, pk }: Place,
  id: string,
): Promise<boolean> => {
  const subscriber = await findSubscriber(connection, id)
  const question = subscriber && questionOf(subscriber)
  if (question?.type !== type) return false
  const found = await connection.maybeOne(sql.fragment`
    SELECT FROM ${tableOf(type)} AS row
    WHERE row.patient_id = ${patientId} AND row.pk = ${pk}
      AND ${passesGate({ access: question.access, classes }, 's', type, 'row', question.where)}`)
  return found !== undefined
}
