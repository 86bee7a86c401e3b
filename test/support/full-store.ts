import type { Resource } from '@medplum/fhirtypes'
import { fullAccess } from '../../src/access/access.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { openStores } from '../../src/storage/open-stores.ts'
import { openCommonTokens } from '../../src/storage/search/common-tokens.ts'
import { openManyPatients } from '../../src/storage/search/many-patients.ts'
import { sql } from '../../src/storage/sql.ts'
import { withDatabase } from './database.ts'

/** The store of somebody who may do everything, over a database of its own; `searching` is what a page of a search needs besides. */
export const openFullStore = async () => {
  const { url, close: closeDatabase } = await withDatabase()
  const database = openDatabase(url, { poolSize: 2 })
  const dictionaryConnection = openDatabase(url, { poolSize: 1 })
  const registry = loadRegistry()
  const classes = openCodeClasses()
  const stores = await openStores({ database, dictionaryConnection, registry, classes })
  const store = stores({
    access: fullAccess,
    author: { kind: 'client', id: 'test' },
    organizations: [],
    choosesIds: true,
    choosesOwner: true,
  })
  const types = await database.any<{ name: Resource['resourceType']; type_id: number }>(
    sql.fragment`SELECT name, type_id FROM resource_type`,
  )
  const searching = () => ({
    registry,
    access: fullAccess,
    classes,
    typeId: (type: Resource['resourceType']) => types.find(({ name }) => name === type)?.type_id ?? 0,
    commonTokens: openCommonTokens(database),
    manyPatients: openManyPatients(),
  })
  const close = async () => {
    await Promise.all([database.close(), dictionaryConnection.close()])
    await closeDatabase()
  }
  return { database, dictionaryConnection, registry, classes, store, searching, close }
}
