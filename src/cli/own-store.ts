import { fullAccess } from '../access/access.ts'
import type { OpenStoreAs } from '../accounts/person.ts'
import { openCodeClasses } from '../fhir/measured/code-class.ts'
import { loadRegistry } from '../fhir/registry.ts'
import type { Database } from '../storage/database.ts'
import { openStores } from '../storage/open-stores.ts'

/** For what a command writes as the server itself. Writing needs a second connection to the database. */
export const openOwnStores = async (database: Database): Promise<OpenStoreAs> => {
  const storeOf = await openStores({
    database,
    dictionaryConnection: database,
    registry: loadRegistry(),
    classes: openCodeClasses(),
  })
  return ({ principal, organizations = [] }) =>
    storeOf({ access: fullAccess, author: principal, organizations, choosesIds: false, choosesOwner: false })
}
