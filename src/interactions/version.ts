import { FhirError } from '../fhir/error.ts'
import { isStoredWhole } from '../storage/search/served-content.ts'
import type { Stored, Version } from '../storage/store.ts'
import type { FhirResponse, RequestHeaders } from './interaction.ts'

/** A stored version as it stands, unless the client has it already. https://hl7.org/fhir/R4/http.html#cread */
export const storedResponse = (stored: Stored, headers: Conditions): FhirResponse =>
  isKnown(stored, headers)
    ? { status: 304, ...versionHeaders(stored) }
    : { status: 200, ...versionHeaders(stored), body: { kind: 'text', text: stored.content } }

type Conditions = Pick<RequestHeaders, 'ifNoneMatch' | 'ifModifiedSince'>

/**
 * "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match", and what is no date. A Group has other members while
 * its version stays: whoever has left would stand in it for who asks so.
 */
const isKnown = ({ type, versionId, lastUpdated }: Identity, { ifNoneMatch, ifModifiedSince }: Conditions) => {
  if (!isStoredWhole(type)) return false
  if (ifNoneMatch !== undefined) return ifNoneMatch.split(',').some(tag => isTagOf(tag.trim(), versionId))
  if (ifModifiedSince === undefined) return false
  const isHttpDate = !/^\d{4}-/.test(ifModifiedSince)
  const time = lastUpdated.getTime()
  return (isHttpDate ? time - (time % 1000) : time) <= Date.parse(ifModifiedSince)
}

const isTagOf = (tag: string, versionId: string): boolean => tag === '*' || tag.replace(/^W\//, '') === `"${versionId}"`

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

/** `*` alone: the write is to create. */
export const parseIfNone = (header: string | undefined): { readonly ifNone?: true } => {
  if (header === undefined) return {}
  if (header.trim() === '*') return { ifNone: true }
  throw new FhirError('invalid', `If-None-Match of a write takes *, not ${header}`, { expression: 'If-None-Match' })
}
