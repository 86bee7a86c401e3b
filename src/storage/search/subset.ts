import type { Registry } from '../../fhir/registry.ts'
import { maskOf, type Subset } from '../../fhir/subset.ts'
import type { Connection } from '../database.ts'
import { columnOf, sql } from '../sql.ts'
import type { Whole } from '../store.ts'

/** What the subset keeps of each, marked as a subset. In one statement, since only PostgreSQL takes resources apart. */
export const subsetsOf = async <One extends Whole>(
  connection: Connection,
  { registry: { structures } }: { readonly registry: Registry },
  versions: readonly One[],
  subset: Subset,
): Promise<readonly One[]> => {
  const whole = versions.flatMap(({ type, content }) => (content === undefined ? [] : [{ type, content }]))
  const types = whole.map(({ type }) => type)
  const masks = Object.fromEntries(types.map(type => [type, maskOf(structures, type, subset)]))
  const rows = await connection.any<{ content: string }>(sql.fragment`
    SELECT fhir_subsetted(version.content::jsonb, ${JSON.stringify(masks)}::jsonb -> version.type)::text AS content
    FROM unnest(
      ${sql.array(types, 'text')},
      ${columnOf(whole, ({ content }) => content, 'text')}) WITH ORDINALITY AS version(type, content, position)
    ORDER BY version.position`)
  const parts = rows.values()
  return versions.map(one => (one.content === undefined ? one : { ...one, ...parts.next().value }))
}
