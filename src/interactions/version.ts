import { FhirError } from '../fhir/error.ts'
import { isStoredWhole } from '../storage/search/served-content.ts'
import type { Stored, Version } from '../storage/store.ts'
import type { Conditions } from '../storage/write/conditions.ts'
import type { FhirResponse, RequestHeaders } from './interaction.ts'

/** A stored version, or 304 if the client has it already. https://hl7.org/fhir/R4/http.html#cread */
export const storedResponse = (stored: Stored, headers: Known): FhirResponse =>
  isKnown(stored, headers)
    ? { status: 304, ...versionHeaders(stored) }
    : { status: 200, ...versionHeaders(stored), body: { kind: 'text', text: stored.content } }

type Known = Pick<RequestHeaders, 'ifNoneMatch' | 'ifModifiedSince'>

/**
 * "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match", and also if it is no date. Never for types that are not
 * stored whole: the members of a Group change while its version stays, and a client would go on showing people who have left.
 */
const isKnown = ({ type, versionId, lastUpdated }: Identity, { ifNoneMatch, ifModifiedSince }: Known) => {
  if (!isStoredWhole(type)) return false
  if (ifNoneMatch !== undefined) return ifNoneMatch.split(',').some(tag => isTagOf(tag.trim(), versionId))
  if (ifModifiedSince === undefined) return false
  const isHttpDate = !/^\d{4}-/.test(ifModifiedSince)
  const time = lastUpdated.getTime()
  return (isHttpDate ? time - (time % 1000) : time) <= Date.parse(ifModifiedSince)
}

/** Whether a read of the type may be answered 304 if the client has it already. */
export const isReadOnCondition = isStoredWhole

const isTagOf = (tag: string, versionId: string): boolean => tag === '*' || tag.replace(/^W\//, '') === `"${versionId}"`

export const versionHeaders = ({ versionId, lastUpdated }: Identity): Pick<FhirResponse, 'etag' | 'lastModified'> => ({
  etag: etagOf(versionId),
  lastModified: lastUpdated,
})

type Identity = Pick<Version, 'type' | 'id' | 'versionId' | 'lastUpdated'>

export const etagOf = (versionId: string): string => `W/"${versionId}"`

export const locationOf = (base: string, { type, id, versionId }: Identity): string =>
  `${base}/${type}/${id}/_history/${versionId}`

/** What must be true of the stored resource for a write. https://www.rfc-editor.org/rfc/rfc9110#name-preconditions */
export const parseConditions = ({ ifMatch, ifNoneMatch, ifUnmodifiedSince }: RequestHeaders): Conditions => ({
  ...parseIfMatch(ifMatch),
  ...parseIfNone(ifNoneMatch),
  ...(ifMatch === undefined ? parseIfUnmodified(ifUnmodifiedSince) : {}),
})

/** The version ids that are named, by weak ETags as in FHIR or by strong ones; `*` for any. */
const parseIfMatch = (header: string | undefined): Conditions => {
  if (header === undefined) return {}
  if (header.trim() === '*') return { ifMatch: '*' }
  // "A recipient MUST parse and ignore a reasonable number of empty list elements": https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2
  const tags = header
    .split(',')
    .map(tag => tag.trim())
    .filter(tag => tag !== '')
  const ifMatch = tags.flatMap(tag => /^(?:W\/)?"([A-Za-z0-9.-]{1,64})"$/.exec(tag)?.[1] ?? [])
  if (tags.length > 0 && ifMatch.length === tags.length) return { ifMatch }
  throw new FhirError('invalid', `If-Match takes ETags such as W/"1", or *, not ${header}`, { expression: 'If-Match' })
}

/** Only `*` is taken: the write must create the resource. */
const parseIfNone = (header: string | undefined): Conditions => {
  if (header === undefined) return {}
  if (header.trim() === '*') return { ifNone: true }
  throw new FhirError('invalid', `If-None-Match of a write takes *, not ${header}`, { expression: 'If-None-Match' })
}

/** "A recipient MUST ignore the If-Unmodified-Since header field if the received field value is not a valid HTTP-date" */
const parseIfUnmodified = (header = ''): Conditions => {
  const time = Date.parse(header)
  return Number.isNaN(time) ? {} : { ifUnmodifiedSince: time }
}
