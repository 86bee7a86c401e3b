import { inactivationReason } from '../../../access/vocabulary.ts'
import { extensions } from '../../../fhir/canonical.ts'
import type { Kept } from '../../../search/expression.ts'
import { type RelatedRow, tableOf } from '../../row.ts'
import { type SqlFragment, sql } from '../../sql.ts'
import { isNotedByServer } from '../noted-subject.ts'

/**
 * The part is the same in what is stored under the row's key. A stored row is compared with itself, and passes; for a row that is not
 * stored yet, the part must be absent.
 */
export const compileKept = ({ part }: Kept, { type, row }: RelatedRow): SqlFragment => {
  const of = (content: SqlFragment) => partOf(part, content)
  return sql.fragment`${of(sql.fragment`${row}.content`)} IS NOT DISTINCT FROM (
    SELECT ${of(sql.fragment`stored.content`)} FROM ${tableOf(type)} AS stored
    WHERE stored.patient_id = ${row}.patient_id AND stored.pk = ${row}.pk)`
}

const partOf = (part: Kept['part'], content: SqlFragment): SqlFragment =>
  typeof part === 'string' ? parts[part](content) : staffEntriesOf(part.staffEntryOf, content)

/** `meta` and `text` never count: the server writes the one, and the other only repeats the rest. */
const without = (content: SqlFragment, ...elements: readonly string[]): SqlFragment =>
  sql.fragment`(${content} - ${sql.array(['meta', 'text', ...elements], 'text')})`

const withoutExtension = (content: SqlFragment, ...urls: readonly string[]): SqlFragment => sql.fragment`coalesce((
  SELECT jsonb_agg(extension) FROM jsonb_array_elements(${content} -> 'extension') AS extension
  WHERE (extension ->> 'url' = ANY(${sql.array([...urls], 'text')})) IS NOT TRUE), '[]')`

const parts: Readonly<Record<Extract<Kept['part'], string>, (content: SqlFragment) => SqlFragment>> = {
  whole: content => without(content),
  status: content => sql.fragment`(${content} -> 'status')`,
  identifier: content => sql.fragment`(${content} -> 'identifier')`,
  link: content => sql.fragment`(${content} -> 'link')`,
  practitioner: content => sql.fragment`(${content} -> 'practitioner')`,
  'managing-organization': content => sql.fragment`(${content} -> 'managingOrganization')`,
  'all-but-contacts': content => without(content, 'telecom', 'address', 'contact', 'communication'),
  // Of `consent`, and mostly of what is noted of the Patient, the server alone says what is stored.
  'all-but-leaving': content => sql.fragment`jsonb_build_array(
    ${without(content, 'status', 'period', 'consent', 'extension')},
    CASE WHEN ${isNotedByServer(content)} THEN ${withoutExtension(content, extensions.gender, extensions.birthYear)}
      ELSE ${content} -> 'extension' END)`,
  'all-but-inactivation': content =>
    sql.fragment`jsonb_build_array(${without(content, 'status', 'extension')}, ${withoutExtension(content, inactivationReason)})`,
  'all-but-staff': content =>
    sql.fragment`jsonb_build_array(${without(content, 'extension')}, ${withoutExtension(content, extensions.staff)})`,
  staff: content => sql.fragment`(
    SELECT jsonb_agg(extension) FROM jsonb_array_elements(${content} -> 'extension') AS extension
    WHERE extension ->> 'url' = ${extensions.staff})`,
}

const staffEntriesOf = (practitioner: string, content: SqlFragment): SqlFragment => sql.fragment`(
  SELECT jsonb_agg(extension) FROM jsonb_array_elements(${content} -> 'extension') AS extension
  WHERE extension ->> 'url' = ${extensions.staff} AND EXISTS (
    SELECT FROM jsonb_array_elements(extension -> 'extension') AS part
    WHERE referenced_id(part -> 'valueReference', 'Practitioner') = ${practitioner}))`
