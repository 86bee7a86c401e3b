import type { ContactPoint } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import type { Connection, Database } from '../database.ts'
import { addressesOf } from '../model/patient-address.ts'
import { overStatuses } from '../model/study.ts'
import { historyOf, typeIdOf } from '../row.ts'
import { columnOf, sql } from '../sql.ts'

/** A study that was ended by mistake can be taken up again for so long before anybody is told. */
const minutesBeforeTelling = 10

/** Nobody is told of an end that is longer ago, as it may be after a long stop of the server. */
export const daysOfTelling = 30

/**
 * Tells whoever shares with a study that it is over, by its status or by its days, once for each end: if it is taken up again, the next end is told
 * again. Each study is a transaction of its own, which locks nothing that others write.
 */
export const tellOfEnds = async (database: Database, closing: AbortSignal): Promise<void> => {
  await database.run(sql.fragment`
    INSERT INTO study_end_awaited SELECT id FROM study WHERE in_force AND period_end > now() ON CONFLICT DO NOTHING`)
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
  let last = ''
  do last = await tellSome(connection, { study, since: end.since, after: last })
  while (last !== '')
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

type Asked = { readonly study: string; readonly since: Date; readonly after: string }

/**
 * Those from whom something was read until the end, at the address at which they would be invited: who had stopped, or whose place had ended, knows it.
 * Answers the last of them, in the order of their Consents, or nothing if there is nobody more.
 */
const tellSome = async (connection: Connection, { study, since, after }: Asked): Promise<string> => {
  const ended = since.toISOString()
  const sharers = await connection.any<Sharer>(sql.fragment`
    SELECT given.consent_id AS consent, record.id AS patient, record.content -> 'telecom' AS telecom
    FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    JOIN patient AS record ON record.patient_id = given.patient_id
      AND record.id = referenced_id(consent.content -> 'patient', 'Patient')
    WHERE given.grantee = (SELECT grantee FROM study WHERE id = ${study}) AND given.consent_id > ${after}
      AND consent.content ->> 'status' = 'active' AND EXISTS (
        SELECT FROM study_group_observation_consents AS permit
        WHERE permit.patient_id = given.patient_id AND permit.consent_id = given.consent_id
          AND permit.consented AND permit.valid_from < ${ended} AND permit.valid_to >= ${ended})
    ORDER BY given.consent_id LIMIT ${atOnce}`)
  const told = sharers.flatMap(({ patient, telecom }) => {
    const [address] = addressesOf({ resourceType: 'Patient', telecom: telecom ?? [] })
    return address === undefined ? [] : [{ patient, ...address }]
  })
  await connection.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, study_id, since, channel, address)
    SELECT told.id, 'study-ended', told.patient, ${study}, ${ended}, told.channel, told.address
    FROM unnest(${columnOf(told, () => uuidv7(), 'text')}, ${columnOf(told, ({ patient }) => patient, 'text')},
      ${columnOf(told, ({ channel }) => channel, 'text')}, ${columnOf(told, ({ address }) => address, 'text')})
      AS told(id, patient, channel, address)`)
  return sharers.length < atOnce ? '' : (sharers.at(-1)?.consent ?? '')
}

type Sharer = { readonly consent: string; readonly patient: string; readonly telecom: ContactPoint[] | null }

const atOnce = 1000
