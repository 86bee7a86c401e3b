import { FhirError } from '../fhir/error.ts'
import type { Stored, Version } from '../storage/store.ts'
import type { FhirResponse } from './interaction.ts'

/** A stored version as it stands. https://hl7.org/fhir/R4/http.html#versioning */
export const storedResponse = (stored: Stored): FhirResponse => ({
  status: 200,
  ...versionHeaders(stored),
  body: { kind: 'text', text: stored.content },
})

export const versionHeaders = ({ versionId, lastUpdated }: Identity): Pick<FhirResponse, 'etag' | 'lastModified'> => ({
  etag: etagOf(versionId),
  lastModified: lastUpdated,
})

type Identity = Pick<Version, 'type' | 'id' | 'versionId' | 'lastUpdated'>

export const etagOf = (versionId: string): string => `W/"${versionId}"`

export const locationOf = (base: string, { type, id, versionId }: Identity): string =>
  `${base}/${type}/${id}/_history/${versionId}`

/** The version id that If-Match names: a weak ETag, as FHIR has it, or a strong one. */
export const parseIfMatch = (header: string | undefined): { readonly ifMatch?: string } => {
  if (header === undefined) return {}
  const ifMatch = /^(?:W\/)?"([A-Za-z0-9.-]{1,64})"$/.exec(header.trim())?.[1]
  if (ifMatch === undefined) {
    throw new FhirError('invalid', `If-Match takes one ETag such as W/"1", not ${header}`, { expression: 'If-Match' })
  }
  return { ifMatch }
}
