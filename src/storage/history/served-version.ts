import type { ResourceType } from '@medplum/fhirtypes'
import { ended } from '../model/enrolled.ts'
import { withoutMembers } from '../model/without-members.ts'
import { historyOf, tableOf } from '../row.ts'
import { isReadable, members, type Serving } from '../search/served-content.ts'
import { name, type SqlFragment, sql } from '../sql.ts'

/**
 * The content of an older version, whose row has this alias, as JSON text as it is served to this caller. A Group's members are those that it had when
 * the next version took its place, as far as their ResearchSubjects are still there and the caller may read the Patients now.
 */
export const servedVersion = (
  type: ResourceType,
  alias: string,
  id: string | SqlFragment,
  serving: Serving,
): SqlFragment => {
  const row = name(alias)
  if (type !== 'Group') return sql.fragment`${row}.content::text`
  const group = typeof id === 'string' ? sql.fragment`${id}` : id
  return sql.fragment`(${withoutMembers(row, group)} || coalesce((
    SELECT ${members}
    FROM (SELECT coalesce(min(last_updated), now()) AS moment FROM ${versionsOf('Group', row)} WHERE version > ${row}.version) AS next
    JOIN study ON study.group_id = ${group}
    JOIN enrolment ON enrolment.study_id = study.id
    JOIN research_subject AS subject ON subject.patient_id = enrolment.patient_id AND subject.id = enrolment.id
    CROSS JOIN LATERAL (
      SELECT content FROM ${versionsOf('ResearchSubject', sql.fragment`subject`)}
      WHERE last_updated < next.moment ORDER BY version DESC LIMIT 1) AS was
    JOIN patient AS person ON person.patient_id = enrolment.patient_id
      AND person.id = referenced_id(was.content -> 'individual', 'Patient')
    WHERE referenced_id(was.content -> 'study', 'ResearchStudy') = study.id
      AND was.content ->> 'status' <> ALL (${sql.array([...ended], 'text')})
      AND coalesce(fhir_low(was.content #>> '{period,start}'), '-infinity') <= next.moment
      AND next.moment < coalesce(fhir_high(was.content #>> '{period,end}'), 'infinity')
      AND ${isReadable(serving)}
    HAVING count(*) > 0), '{}'))::text`
}

/** All versions of the row's resource, the current one among them. */
const versionsOf = (type: ResourceType, row: SqlFragment): SqlFragment => sql.fragment`(
  SELECT version, last_updated, content FROM ${tableOf(type)} AS stored
  WHERE stored.patient_id = ${row}.patient_id AND stored.pk = ${row}.pk
  UNION ALL
  SELECT version, last_updated, content FROM ${historyOf(type)} AS stored
  WHERE stored.patient_id = ${row}.patient_id AND stored.pk = ${row}.pk) AS version`
