import type { Handler, InstanceRequest } from './interaction.ts'
import { storedResponse } from './version.ts'

/** https://hl7.org/fhir/R4/http.html#read */
export const read: Handler<InstanceRequest> = async ({ type, id, headers }, { store }) =>
  storedResponse(await store.read(type, id), headers)
