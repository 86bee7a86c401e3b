import type { ResourceType } from '@medplum/fhirtypes'
import type { Mask } from '../../fhir/subset.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { withoutMembers } from '../model/without-members.ts'
import { name, type SqlFragment, sql } from '../sql.ts'

export type Serving = Gate & {
  /** Which elements are served; absent: all. */
  readonly mask?: Mask | undefined
}

/** A row's content as JSON text, as it is served to this caller. */
export const servedContent = (type: ResourceType, alias: string, serving: Serving): SqlFragment => {
  const content = whole[type]?.(name(alias), serving) ?? sql.fragment`${name(alias)}.content`
  return sql.fragment`${serving.mask === undefined ? content : subsetOf(content, serving.mask)}::text`
}

/** Whether all that is served of a resource is stored in its row. */
export const isStoredWhole = (type: ResourceType): boolean => whole[type] === undefined

/** Types of which a part is not stored in the row itself. */
const whole: Readonly<Partial<Record<ResourceType, (row: SqlFragment, serving: Serving) => SqlFragment>>> = {
  Group: (row, serving) => withMembers(row, serving),
  Provenance: (row, serving) => withTargets(row, serving),
}

/** A part of a resource, marked as such. */
const subsetOf = (content: SqlFragment, mask: Mask): SqlFragment =>
  sql.fragment`fhir_subsetted(${content}, ${JSON.stringify(mask)}::jsonb)`

/** The members of a study's Group are the enrolled Patients whom the caller may read, and none that somebody has written into it. */
const withMembers = (row: SqlFragment, serving: Serving): SqlFragment =>
  sql.fragment`(${withoutMembers(row, sql.fragment`${row}.id`)} || coalesce((
    SELECT ${members}
    FROM study
    JOIN enrolment ON enrolment.study_id = study.id AND ${isEnrolled}
    JOIN patient AS person ON person.patient_id = enrolment.patient_id AND person.id = enrolment.patient
    WHERE study.group_id = ${row}.id AND ${isReadable(serving)}
    HAVING count(*) > 0), '{}'))`

/**
 * The targets of an upload's Provenance are the Observations that it brought, as far as they are still there and the caller may read them. If nothing
 * can be shown, only a client that may read everything finds it, and FHIR wants a target.
 */
const withTargets = (
  row: SqlFragment,
  gate: Gate,
): SqlFragment => sql.fragment`(${nothingLeft} || ${row}.content || coalesce((
  SELECT jsonb_build_object('target', jsonb_agg(
    jsonb_build_object('reference', 'Observation/' || brought.id) ORDER BY target.observation))
  FROM upload_target AS target
  JOIN observation AS brought ON brought.patient_id = target.patient_id AND brought.pk = target.observation
  WHERE target.patient_id = ${row}.patient_id AND target.pk = ${row}.pk
    AND ${passesGate(gate, 'r', 'Observation', 'brought')}
  HAVING count(*) > 0), '{}'))`

const nothingLeft = sql.fragment`'{"target": [{"display": "Nothing that it brought can be shown"}]}'::jsonb`

/** A Group's `member` with the Patients of the rows `person`. */
export const members = sql.fragment`jsonb_build_object('member', jsonb_agg(
  jsonb_build_object('entity', jsonb_build_object('reference', 'Patient/' || person.id)) ORDER BY person.pk))`

/** The row `person` is a Patient that the caller may read. */
export const isReadable = (gate: Gate): SqlFragment => passesGate(gate, 'r', 'Patient', 'person')
