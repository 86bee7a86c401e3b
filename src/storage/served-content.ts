import type { ResourceType } from '@medplum/fhirtypes'
import { type Access, restrict } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { compile } from './compile.ts'
import { storedRow } from './row.ts'
import { name, type SqlFragment, sql } from './sql.ts'

/**
 * A row's content as JSON text, as this caller is served it: a Group has as members the enrolled Patients of its study
 * that the caller may read, and stores none.
 */
export const servedContent = (
  type: ResourceType,
  alias: string,
  { access, classes }: { readonly access: Access; readonly classes: CodeClasses },
): SqlFragment => {
  const row = name(alias)
  if (type !== 'Group') return sql.fragment`${row}.content::text`
  const readable = compile(restrict(access, 'r', 'Patient'), storedRow('Patient', 'person'), classes)
  return sql.fragment`(${row}.content || coalesce((
    SELECT jsonb_build_object('member', jsonb_agg(
      jsonb_build_object('entity', jsonb_build_object('reference', 'Patient/' || person.id)) ORDER BY person.pk))
    FROM study
    JOIN enrolment ON enrolment.study_id = study.id AND enrolment.in_force
      AND now() >= enrolment.period_start AND now() < enrolment.period_end
    JOIN patient AS person ON person.patient_id = enrolment.patient_id AND person.id = enrolment.patient
    WHERE study.group_id = ${row}.id AND ${readable}
    HAVING count(*) > 0), '{}'))::text`
}
