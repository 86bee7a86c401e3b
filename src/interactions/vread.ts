import type { Handler, VersionRequest } from './interaction.ts'
import { oneInPart, subsetAsked } from './subset.ts'
import { storedResponse } from './version.ts'

/** https://hl7.org/fhir/R4/http.html#vread */
export const vread: Handler<VersionRequest> = async ({ type, id, versionId, query, headers }, { store, registry }) => {
  const subset = subsetAsked(registry, [type], query)
  const stored = await store.vread(type, id, versionId)
  return storedResponse(await oneInPart(store, stored, subset, headers), headers)
}
