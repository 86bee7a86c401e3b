import type { Handler, InstanceRequest } from './interaction.ts'
import { inPart, subsetAsked } from './subset.ts'
import { storedResponse } from './version.ts'

/** https://hl7.org/fhir/R4/http.html#read */
export const read: Handler<InstanceRequest> = async ({ type, id, query, headers }, { store, registry }) => {
  const subset = subsetAsked(registry, [type], query)
  const stored = await store.read(type, id)
  const [part = stored] = await inPart(store, [stored], subset)
  return storedResponse(part, headers)
}
