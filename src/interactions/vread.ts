import type { Handler, VersionRequest } from './interaction.ts'
import { storedResponse } from './version.ts'

/** https://hl7.org/fhir/R4/http.html#vread */
export const vread: Handler<VersionRequest> = async ({ type, id, versionId, headers }, { store }) =>
  storedResponse(await store.vread(type, id, versionId), headers)
