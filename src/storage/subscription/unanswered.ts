import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/**
 * The question of the row `subscriber` is not asked for a while, since it was not answered in time. The Subscription still says that something was
 * missed.
 */
export const isResting = sql.fragment`coalesce(subscriber.rests_until > now(), FALSE)`

/** Twice as long each time in a row, up to an hour, so that others wait for it only a small part of the time. */
export const restUnanswered = async (connection: Connection, ids: readonly string[]): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE subscriber SET unanswered = unanswered + 1,
      rests_until = clock_timestamp() + least(20 * 2 ^ least(unanswered, 10), 3600) * interval '1 second'
    WHERE id = ANY(${sql.array([...ids], 'text')}) AND NOT ${isResting}`)
}

export const noteAnswered = async (connection: Connection, ids: readonly string[]): Promise<void> => {
  if (ids.length === 0) return
  await connection.run(sql.fragment`
    UPDATE subscriber SET unanswered = 0, rests_until = NULL
    WHERE id = ANY(${sql.array([...ids], 'text')}) AND unanswered > 0`)
}

export const wasTooLong = ({ issues: [issue] }: FhirError): boolean => issue.code === 'too-costly'

/** What the Subscription then says. */
export const tookTooLong = new FhirError(
  'too-costly',
  'What this asks took too long to answer, so that not all that has changed is told: narrow it, and search for what was missed',
)
