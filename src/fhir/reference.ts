import type { Reference, ResourceType } from '@medplum/fhirtypes'
import { isResourceType } from './definition/resource-type.ts'

/** https://hl7.org/fhir/R4/references.html#literal */
export type ParsedReference =
  | { readonly type: ResourceType; readonly id: string; readonly versionId?: string }
  | { readonly url: string }
  | { readonly fragment: string }

/**
 * What the text of `Reference.reference` points to. `Patient/1`, or the same below `base`, is a resource of this server. Any other URL
 * (`urn:uuid:…`, `https://elsewhere/Patient/1`, a conditional `Patient?…`) stays a url. Undefined for anything else.
 */
export const parseReference = (text: string, base?: string): ParsedReference | undefined => {
  if (text.startsWith('#')) return { fragment: text.slice(1) }
  const local = base !== undefined && text.startsWith(`${base}/`) ? text.slice(base.length + 1) : text
  return parseRelative(local) ?? parseUrl(text)
}

/**
 * The id that a reference names; undefined if it is to another type, or anything but a relative literal reference: only that has a meaning in
 * the rules of access.
 */
export const namedId = (reference: Reference | undefined, type: string): string | undefined =>
  new RegExp(`^${type}/([A-Za-z0-9.-]{1,64})$`).exec(reference?.reference ?? '')?.[1]

const parseRelative = (text: string): ParsedReference | undefined => {
  const found = relative.exec(text)
  if (found === null) return undefined
  const [, type, id, versionId] = found
  if (!isResourceType(type) || id === undefined) return undefined
  return versionId === undefined ? { type, id } : { type, id, versionId }
}

const parseUrl = (text: string): ParsedReference | undefined =>
  absolute.test(text) || isConditional(text) ? { url: text } : undefined

const isConditional = (text: string): boolean => text.includes('?') && isResourceType(text.slice(0, text.indexOf('?')))

const relative = /^([A-Z][A-Za-z]*)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/
const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/
