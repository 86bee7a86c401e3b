import type { Handler, VersionRequest } from './interaction.ts'
import { subsetAsked } from './subset.ts'
import { storedResponse } from './version.ts'

/** https://hl7.org/fhir/R4/http.html#vread */
export const vread: Handler<VersionRequest> = async ({ type, id, versionId, query, headers }, { store, registry }) => {
  const subset = subsetAsked(registry, type, query)
  const stored = await store.vread(type, id, versionId)
  return storedResponse(subset === undefined ? stored : await store.subset(stored, subset), headers)
}
