import { consentDecision, inactivationReason } from '../../../access/vocabulary.ts'
import type { Content } from '../../../search/expression.ts'
import { firstOfInstallation } from '../../audit/shown/recorded-key.ts'
import type { RelatedRow } from '../../row.ts'
import { type SqlFragment, sql } from '../../sql.ts'
import { referencedId } from '../reference.ts'

export const compileContent = ({ is }: Content, { row, compartments }: RelatedRow): SqlFragment => {
  if (typeof is === 'string') return claims[is](row, compartments)
  return 'status' in is
    ? sql.fragment`${row}.content ->> 'status' = ${is.status}`
    : sql.fragment`${referencedId(row, 'practitioner', 'Practitioner')} = ${is.practitioner}`
}

const claims: Readonly<
  Record<Extract<Content['is'], string>, (row: SqlFragment, compartments: SqlFragment) => SqlFragment>
> = {
  'of-one-patient': row => sql.fragment`${row}.patient_id <> 0`,
  'of-no-patient': (row, compartments) => sql.fragment`(${row}.patient_id = 0
    AND NOT EXISTS (SELECT FROM ${compartments} AS several WHERE several.pk = ${row}.pk))`,
  'of-one-target': row => sql.fragment`jsonb_array_length(${row}.content -> 'target') = 1`,
  'of-no-decision': row => sql.fragment`NOT EXISTS (
    SELECT FROM jsonb_path_query(${row}.content, '$.activity.coding[*].system') AS coded(system)
    WHERE coded.system #>> '{}' = ${consentDecision})`,
  'without-signature': row => sql.fragment`NOT ${row}.content ? 'signature'`,
  'without-security-context': row => sql.fragment`NOT ${row}.content ? 'securityContext'`,
  'a-root': row => sql.fragment`NOT ${row}.content ? 'partOf'`,
  'not-active': row => sql.fragment`coalesce(${row}.content ->> 'active' = 'false', FALSE)`,
  'of-practitioners-only': row => sql.fragment`NOT EXISTS (
    SELECT FROM jsonb_array_elements(${row}.content -> 'link') AS link
    WHERE referenced_id(link -> 'target', 'Practitioner') IS NULL)`,
  // AuditEvents made from records have keys below zero, and the key alone decides: making the content of each would take long.
  'of-the-installation': row => sql.fragment`(${row}.pk <= ${firstOfInstallation}
    OR (${row}.patient_id = 0 AND ${row}.pk >= 0 AND audit_is_of_installation(${row}.content)))`,
  'with-a-reason': row => sql.fragment`EXISTS (
    SELECT FROM jsonb_array_elements(${row}.content -> 'extension') AS extension
    WHERE extension ->> 'url' = ${inactivationReason})`,
}
