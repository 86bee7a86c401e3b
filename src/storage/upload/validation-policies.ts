import type { Observation } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { inForce, referencedId } from '../model/reference.ts'
import { entryRow, entryTables } from '../prepare/candidate.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import type { PolicyAsked } from '../store.ts'
import { candidatesOf, type Writing } from '../write/write.ts'
import { findNamedSources } from './named-source.ts'

/**
 * The validation policies that apply to each of the Observations: that of the data source from which it comes, and those of the studies in force with
 * which its patient shares its kind. For one that the caller may not create, only that of a source that it names itself, which everybody may read:
 * nobody must learn of other people's studies and devices by sending something wrong.
 */
export const findPolicies = async (
  connection: Connection,
  writing: Writing,
  asked: readonly PolicyAsked[],
): Promise<readonly (readonly string[])[]> => {
  const observations = await fromSources(connection, asked)
  const candidates = await candidatesOf(
    connection,
    writing,
    observations.map(resource => ({ resource })),
  )
  const rows = await connection.any<{ pk: string; policies: readonly string[] }>(sql.fragment`
    WITH ${entryTables(candidates)}
    SELECT entry.pk, ARRAY(
      SELECT ${policyIn(sql.fragment`source`)}
      FROM device_source JOIN device AS source ON source.patient_id = 0 AND source.id = device_source.id
      WHERE device_source.device_id = entry.device_id AND ${policyIn(sql.fragment`source`)} IS NOT NULL
        AND (may.create OR source.id = ${referencedId(sql.fragment`entry`, 'device', 'Device')})
      UNION
      SELECT ${policyIn(sql.fragment`stored`)}
      ${sharings}
      JOIN research_study AS stored ON stored.patient_id = 0 AND stored.id = study.id
      WHERE may.create AND ${sharedNow} AND ${policyIn(sql.fragment`stored`)} IS NOT NULL) AS policies
    FROM entry CROSS JOIN LATERAL (SELECT coalesce(
      ${passesGate(writing, 'c', 'Observation', entryRow('Observation'))}, FALSE
    ) AS create) AS may`)
  const byPk = new Map(rows.map(({ pk, policies }) => [pk, policies]))
  return candidates.map(({ pk }) => byPk.get(pk) ?? [])
}

export const reachedStudies = sql.fragment`
  JOIN study_grantee AS reached ON reached.grantee = given.grantee
  JOIN study ON study.id = reached.study_id`

/** FROM and its joins: the studies with which the patient of `entry` shares its kind, where `sharedNow` is true. */
export const sharings = sql.fragment`
  FROM study_group_observation_consents AS given
  JOIN kind_member ON kind_member.member_id = given.kind_id AND kind_member.kind_id = entry.kind_id
  ${reachedStudies}`

/** What a study only keeps since a withdrawal, stored before it, says nothing about what comes now. */
export const sharedNow = sql.fragment`(
  given.patient_id = entry.patient_id AND given.device_id IN (0, entry.device_id)
  AND given.consented AND now() >= given.valid_from AND now() < given.valid_to AND given.stored_before = 'infinity'
  AND study.in_force AND ${inForce(name('study'))})`

/** An Observation that names no device gets the source that its document names. */
export const fromSources = async (
  connection: Connection,
  asked: readonly PolicyAsked[],
): Promise<readonly Observation[]> => {
  const sources = await findNamedSources(
    connection,
    asked.flatMap(({ device }) => device ?? []),
  )
  return asked.map(({ asked: observation, device }) => {
    const source = device && sources.get(device)
    return source === undefined || observation.device !== undefined
      ? observation
      : { ...observation, device: { reference: `Device/${source}` } }
  })
}

const policyIn = (row: SqlFragment): SqlFragment => sql.fragment`(
  SELECT extension ->> 'valueCode' FROM jsonb_array_elements(${row}.content -> 'extension') AS extension
  WHERE extension ->> 'url' = ${extensions.validationPolicy} LIMIT 1)`
