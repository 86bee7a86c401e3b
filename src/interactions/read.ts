import type { Handler, InstanceRequest } from './interaction.ts'
import { oneInPart, subsetAsked } from './subset.ts'
import { storedResponse } from './version.ts'

/** https://hl7.org/fhir/R4/http.html#read */
export const read: Handler<InstanceRequest> = async ({ type, id, query, headers }, { store, registry }) => {
  const subset = subsetAsked(registry, [type], query)
  const stored = await store.read(type, id)
  return storedResponse(await oneInPart(store, stored, subset, headers), headers)
}
