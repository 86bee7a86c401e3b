import type { ResourceType } from '@medplum/fhirtypes'
import { type Access, restrict } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Mask } from '../fhir/subset.ts'
import { compile } from './compile.ts'
import { isEnrolled } from './model/enrolled.ts'
import { storedRow } from './row.ts'
import { name, type SqlFragment, sql } from './sql.ts'

export type Serving = {
  readonly access: Access
  readonly classes: CodeClasses
  /** What of it is kept; absent: all. */
  readonly mask?: Mask | undefined
}

/** A row's content as JSON text, as this caller is served it. */
export const servedContent = (type: ResourceType, alias: string, serving: Serving): SqlFragment => {
  const content = type === 'Group' ? withMembers(name(alias), serving) : sql.fragment`${name(alias)}.content`
  return sql.fragment`${serving.mask === undefined ? content : subsetOf(content, serving.mask)}::text`
}

/** A part of a resource, marked as such. */
const subsetOf = (content: SqlFragment, mask: Mask): SqlFragment =>
  sql.fragment`fhir_subsetted(${content}, ${JSON.stringify(mask)}::jsonb)`

/** A Group has as members the enrolled Patients of its study that the caller may read, and none that somebody has written. */
const withMembers = (row: SqlFragment, serving: Serving): SqlFragment =>
  sql.fragment`(${withoutMembers(row, sql.fragment`${row}.id`)} || coalesce((
    SELECT ${members}
    FROM study
    JOIN enrolment ON enrolment.study_id = study.id AND ${isEnrolled}
    JOIN patient AS person ON person.patient_id = enrolment.patient_id AND person.id = enrolment.patient
    WHERE study.group_id = ${row}.id AND ${isReadable(serving)}
    HAVING count(*) > 0), '{}'))`

/** The row's content; where the Group is a study's, who may read it may not read all whom it named before. */
export const withoutMembers = (row: SqlFragment, id: SqlFragment): SqlFragment => sql.fragment`(
  CASE WHEN EXISTS (SELECT FROM study WHERE study.group_id = ${id}) THEN ${row}.content - 'member'::text
    ELSE ${row}.content END)`

/** A Group's `member` with the Patients of the rows `person`. */
export const members = sql.fragment`jsonb_build_object('member', jsonb_agg(
  jsonb_build_object('entity', jsonb_build_object('reference', 'Patient/' || person.id)) ORDER BY person.pk))`

/** The row `person` is a Patient that the caller may read. */
export const isReadable = ({ access, classes }: Pick<Serving, 'access' | 'classes'>): SqlFragment =>
  compile(restrict(access, 'r', 'Patient'), storedRow('Patient', 'person'), classes)
