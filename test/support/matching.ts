import type { Resource, ResourceType } from '@medplum/fhirtypes'
import type { Test } from 'tap'
import { type Access, fullAccess, restrict } from '../../src/access/access.ts'
import { parseJson } from '../../src/fhir/json.ts'
import { parseCriteria } from '../../src/search/parse.ts'
import { compile } from '../../src/storage/compile/compile.ts'
import { lookedUp } from '../../src/storage/compile/terminology.ts'
import { entryRow, entryTables } from '../../src/storage/prepare/candidate.ts'
import { openDictionary } from '../../src/storage/prepare/dictionary.ts'
import { openDurations } from '../../src/storage/prepare/duration.ts'
import { type Draft, prepare } from '../../src/storage/prepare/prepare.ts'
import { storedRow, tableOf } from '../../src/storage/row.ts'
import { sql } from '../../src/storage/sql.ts'
import { openFullStore } from './full-store.ts'

/** Stores resources, and says which of them match a query: as stored, and as if they were about to be written. */
export const openMatching = async () => {
  const { database, dictionaryConnection, registry, classes, store, close } = await openFullStore()
  const preparing = {
    registry,
    classes,
    dictionary: openDictionary(dictionaryConnection),
    durations: openDurations(dictionaryConnection),
  }

  const put = async (
    ...resources: readonly ({ readonly resourceType: string; readonly id: string } & Readonly<
      Record<string, unknown>
    >)[]
  ) => {
    const writes = resources.map(one => {
      const resource = parseJson(JSON.stringify(one)) as Resource
      return { kind: 'update' as const, id: one.id, resource }
    })
    await store.write(writes)
  }

  /** Each resource of the type as it would be written, with the key of the stored one. */
  const candidatesOf = async (type: ResourceType) => {
    const rows = await database.any<Omit<Draft, 'resource'> & { content: string }>(sql.fragment`
      SELECT id, pk, version, owner, author, content::text AS content FROM ${tableOf(type)}`)
    const drafts = rows.map(({ content, ...row }) => ({ ...row, resource: parseJson(content) as Resource }))
    return prepare(database, preparing, drafts, new Date())
  }

  const matches = async (type: ResourceType, query: string, access: Access) => {
    const asking = { access, registry, classes }
    const { where: asked } = await lookedUp(database, asking, { where: parseCriteria(registry, type, query) })
    const expression = restrict(access, 's', type, asked)
    const stored = await database.any<{ id: string }>(sql.fragment`
      SELECT row.id FROM ${tableOf(type)} AS row WHERE ${compile(expression, storedRow(type, 'row'), classes)} ORDER BY 1`)
    const written = await database.any<{ id: string }>(sql.fragment`
      WITH ${entryTables(await candidatesOf(type))}
      SELECT id FROM entry WHERE ${compile(expression, entryRow(type), classes)} ORDER BY 1`)
    const ids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id).join(' ')
    return { stored: ids(stored), written: ids(written) }
  }

  /** Each query with the ids that match it, sorted. */
  const finds = async (
    t: Test,
    type: ResourceType,
    cases: Readonly<Record<string, string>>,
    access: Access = fullAccess,
  ) => {
    for (const [query, expected] of Object.entries(cases))
      t.strictSame(await matches(type, query, access), { stored: expected, written: expected }, `${type}?${query}`)
  }

  return { put, finds, close }
}
