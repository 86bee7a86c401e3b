import type { Connection, Database } from '../database.ts'
import { overStatuses } from '../model/study.ts'
import { historyOf, typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'
import { tellSharers } from './telling-sharers.ts'

/** A study that was ended by mistake can be taken up again for so long before anybody is told. */
const minutesBeforeTelling = 10

/** Nobody is told of an end that is longer ago, as it may be after a long stop of the server. */
export const daysOfTelling = 30

/**
 * Tells whoever shares with a study that it is over, by its status or by its days, once for each end: if it is taken up again, they are told of that
 * at once, and of its next end again. Each study is a transaction of its own, which locks nothing that others write.
 */
export const tellOfEnds = async (database: Database, closing: AbortSignal): Promise<void> => {
  const begun = await database.any<{ id: string }>(sql.fragment`
    SELECT id FROM study WHERE in_force AND period_end > now()
      AND NOT EXISTS (SELECT FROM study_end_awaited WHERE study_id = study.id) ORDER BY id`)
  for (const { id } of begun) {
    if (closing.aborted) return
    await database.transaction(inside => tellOfNewBeginning(inside, id))
  }
  const over = await database.any<{ id: string }>(sql.fragment`
    SELECT study.id FROM study_end_awaited AS awaited JOIN study ON study.id = awaited.study_id
    WHERE NOT study.in_force OR study.period_end <= now() ORDER BY study.id`)
  for (const { id } of over) {
    if (closing.aborted) return
    await database.transaction(inside => tellOfEnd(inside, id))
  }
}

const tellOfEnd = async (connection: Connection, study: string): Promise<void> => {
  const end = await endOf(connection, study)
  if (end === undefined || end.minutes < minutesBeforeTelling) return
  const mine = await connection.run(sql.fragment`DELETE FROM study_end_awaited WHERE study_id = ${study}`)
  if (mine === 0 || end.minutes > daysOfTelling * 24 * 60) return
  const ended = end.since.toISOString()
  // Who had stopped, or whose place had ended, knows it.
  const wasRead = sql.fragment`EXISTS (
    SELECT FROM study_group_observation_consents AS permit
    WHERE permit.patient_id = given.patient_id AND permit.consent_id = given.consent_id
      AND permit.consented AND permit.valid_from < ${ended} AND permit.valid_to >= ${ended})`
  await tellSharers(connection, { study, kind: 'study-ended', since: end.since, whom: wasRead })
}

/** To those who were told of its end, or may be at this moment: what they have agreed to is read again. */
const tellOfNewBeginning = async (connection: Connection, study: string): Promise<void> => {
  const mine = await connection.run(sql.fragment`
    INSERT INTO study_end_awaited SELECT id FROM study WHERE id = ${study} AND in_force AND period_end > now() ON CONFLICT DO NOTHING`)
  if (mine === 0) return
  const wasTold = sql.fragment`EXISTS (
    SELECT FROM study_message AS told
    WHERE told.patient = record.id AND told.study_id = ${study} AND told.kind = 'study-ended'
      AND (told.state = 'sent' OR (told.state = 'waiting' AND told.tries > 0))
      AND NOT EXISTS (
        SELECT FROM study_message AS later
        WHERE later.patient = record.id AND later.study_id = ${study} AND later.kind = 'study-resumed' AND later.made_at > told.made_at))`
  const isRead = sql.fragment`EXISTS (
    SELECT FROM study_group_observation_consents AS permit
    WHERE permit.patient_id = given.patient_id AND permit.consent_id = given.consent_id
      AND permit.consented AND now() < permit.valid_to)`
  await tellSharers(connection, { study, kind: 'study-resumed', whom: sql.fragment`${wasTold} AND ${isRead}` })
}

/** `since`: when it came to be over, of which `minutes` have gone by. */
type End = { readonly since: Date; readonly minutes: number }

/** Undefined while it is not over: its status may be one of those that are to come. */
const endOf = (connection: Connection, study: string): Promise<End | undefined> =>
  connection.maybeOne<End>(sql.fragment`
    WITH place AS (
      SELECT patient_id, pk FROM resource_identity WHERE type_id = ${typeIdOf('ResearchStudy')} AND id = ${study}
    ),
    version AS (
      SELECT version, last_updated, content FROM research_study JOIN place USING (patient_id, pk)
      UNION ALL
      SELECT version, last_updated, content FROM ${historyOf('ResearchStudy')} JOIN place USING (patient_id, pk)
      WHERE content IS NOT NULL
    ),
    told AS (
      SELECT version, last_updated AS from_then, lead(last_updated, 1, 'infinity'::timestamptz) OVER (ORDER BY version) AS until_then,
        CASE WHEN content ->> 'status' = ANY (${sql.array([...overStatuses], 'text')}) THEN last_updated
          ELSE greatest(last_updated, coalesce(fhir_time_high(content -> 'period'), 'infinity')) END AS over
      FROM version
    ),
    ended AS (
      SELECT least(over, until_then) AS since FROM told WHERE over > from_then ORDER BY version DESC LIMIT 1
    )
    SELECT since, extract(epoch FROM now() - since)::float8 / 60 AS minutes FROM ended WHERE since <= now()`)
