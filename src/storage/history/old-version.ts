import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { restrict } from '../../access/access.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Action } from '../../search/expression.ts'
import { compile } from '../compile/compile.ts'
import type { Asking } from '../current.ts'
import type { Connection } from '../database.ts'
import { entryRow, entryTables } from '../prepare/candidate.ts'
import { numberAll, type Preparing, prepare } from '../prepare/prepare.ts'
import { sql } from '../sql.ts'

/** A version in the history; a deletion has no content. */
export type OldVersion = {
  readonly id: string
  readonly patientId: number
  readonly pk: string
  readonly version: number
  readonly lastUpdated: Date
  readonly owner: string | null
  readonly author: number
  readonly content: string | null
}

/**
 * Those of the versions to whose content the caller may do the action: each is asked about as if it were a row, with the facts that it gives. Whether
 * the resource itself is visible is another question; a deletion has nothing to hide beyond that.
 */
export const visibleAmong = async <Version extends OldVersion>(
  connection: Connection,
  asking: Asking & Preparing,
  { type, action }: { readonly type: ResourceType; readonly action: Action },
  versions: readonly Version[],
): Promise<readonly Version[]> => {
  const allowed = restrict(asking.access, action, type)
  if (allowed.kind === 'all') return versions
  const visible = new Set<OldVersion>(versions.filter(({ content }) => content === null))
  for (const apart of setsApart(versions.filter(({ content }) => content !== null))) {
    const drafts = apart.map(toDraft)
    const prepared = await numberAll(connection, asking, await prepare(connection, asking, drafts, new Date()))
    // By the number that the row has now: two records of one patient may have been joined since.
    const candidates = prepared.map((one, index) => ({ ...one, patientId: apart[index]?.patientId ?? one.patientId }))
    const rows = await connection.any<{ pk: string }>(sql.fragment`
      WITH ${entryTables(candidates)} SELECT pk FROM entry WHERE ${compile(allowed, entryRow(type), asking.classes)}`)
    const pks = new Set(rows.map(({ pk }) => pk))
    for (const version of apart) if (pks.has(version.pk)) visible.add(version)
  }
  return versions.filter(version => visible.has(version))
}

/** Sets in which no two versions are of one resource: the side rows of a row are found by its pk, which all its versions share. */
const setsApart = <Version extends OldVersion>(versions: readonly Version[]): readonly (readonly Version[])[] => {
  const sets: Version[][] = []
  for (const ofOne of Map.groupBy(versions, ({ pk }) => pk).values()) {
    for (const [rank, version] of ofOne.entries()) {
      const set = sets[rank] ?? []
      set.push(version)
      sets[rank] = set
    }
  }
  return sets
}

const toDraft = ({ content, ...version }: OldVersion) => ({
  ...version,
  resource: parseJson(content ?? '') as Resource,
})
