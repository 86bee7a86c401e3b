import type { ResourceType } from '@medplum/fhirtypes'
import { passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { tableOf } from '../row.ts'
import { sql } from '../sql.ts'
import { listenersTo } from '../subscription/listener.ts'
import { type Answering, answerable, askForSubscriber, isFault, type QuestionOf } from '../subscription/question.ts'
import { findSubscriber } from '../subscription/subscriber.ts'
import { openTimeLimit } from '../subscription/time-limit.ts'
import { wasTooLong } from '../subscription/unanswered.ts'
import { runAndRollBack } from './savepoint.ts'
import type { Place } from './update.ts'

export type Listening = Answering & {
  /** Absent if nothing is deleted that anybody is told about. */
  readonly questionOf?: QuestionOf | undefined
}

type Asking = Answering & { readonly questionOf: QuestionOf }

/**
 * Notes whose Subscriptions the current row matches, so that they are told of its deletion. This is asked before it is deleted, because to whom
 * it was given is gone afterwards. Nobody is told about most types.
 */
export const keepDeletion = async (
  connection: Connection,
  { registry, classes, questionOf }: Listening,
  place: Place,
  version: number,
): Promise<void> => {
  if (questionOf === undefined || !toldTypes.has(place.type)) return
  const { matched, unanswered } = await subscribersOf(connection, { registry, classes, questionOf }, place)
  if (matched.length === 0 && unanswered.length === 0) return
  await connection.run(sql.fragment`
    INSERT INTO change (type, patient_id, pk, deletion, subscribers, unanswered)
    VALUES (${place.type}, ${place.patientId}, ${place.pk}, ${version}, ${sql.array(matched, 'text')},
      ${sql.array(unanswered, 'text')})`)
}

/** By deleting one of these, a patient or a study ends what was agreed. */
const toldTypes: ReadonlySet<ResourceType> = new Set(['Consent', 'ResearchSubject'])

type Listeners = {
  readonly matched: readonly string[]
  /** Those whose question could not be answered, or not in time. They are told that, since it cannot be asked again about a resource that is gone. */
  readonly unanswered: readonly string[]
}

/**
 * Whoever ends what they agreed to must not wait for the questions of others: all of these together get a few seconds, however many they are.
 * Those whose turn comes after that are asked all the same, but so briefly that only quick questions are answered.
 */
const subscribersOf = async (connection: Connection, asking: Asking, place: Place): Promise<Listeners> => {
  const [matched, unanswered]: [string[], string[]] = [[], []]
  const listeners = await listenersTo(connection, place.type, [place.patientId])
  if (listeners.length === 0) return { matched, unanswered }
  const limit = openTimeLimit(connection, { all: mostOfAllMs, one: mostOfOneMs })
  // Rolling back also restores the statement_timeout that the limit sets.
  await runAndRollBack(connection, async () => {
    for (const { id, rests } of listeners) {
      await limit.set(leastOfOneMs)
      const found = rests ? 'unanswered' : await findOut(connection, asking, place, id)
      if (found === 'unanswered') unanswered.push(id)
      if (found === 'matched') matched.push(id)
    }
  })
  return { matched, unanswered }
}

/** A fault is reported where the same question is asked about what was written. */
const findOut = async (connection: Connection, asking: Asking, place: Place, id: string) => {
  const asked = await askForSubscriber(connection, () => isMatched(connection, asking, place, id))
  if ('refused' in asked) return wasTooLong(asked.refused) || isFault(asked.refused) ? 'unanswered' : undefined
  return asked.done ? 'matched' : undefined
}

const mostOfAllMs = 5000
const mostOfOneMs = 1000
const leastOfOneMs = 50

const isMatched = async (
  connection: Connection,
  { registry, classes, questionOf }: Asking,
  { type, patientId, pk }: Place,
  id: string,
): Promise<boolean> => {
  const subscriber = await findSubscriber(connection, id)
  const asked = subscriber && questionOf(subscriber)
  if (asked?.type !== type) return false
  const question = await answerable(connection, { registry, classes }, asked)
  const found = await connection.maybeOne(sql.fragment`
    SELECT FROM ${tableOf(type)} AS row
    WHERE row.patient_id = ${patientId} AND row.pk = ${pk}
      AND ${passesGate({ access: question.access, classes }, 's', type, 'row', question.where)}`)
  return found !== undefined
}
