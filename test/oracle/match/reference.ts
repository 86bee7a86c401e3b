import type { Found } from '../values.ts'
import { plainText } from './escape.ts'

/** https://hl7.org/fhir/R4/search.html#reference: "[parameter]=[id]", "[parameter]=[type]/[id]", "[parameter]=[url]" */
export const matchReference = (found: Found, text: string, onlyType?: string): boolean => {
  const referred = referredBy(found)
  if (referred === undefined) return false
  const asked = plainText(text)
  const local = localKey(referred)
  if (/^[\w.-]+$/.test(asked) && !asked.includes(':')) {
    return local !== undefined && idOf(local) === asked && (onlyType === undefined || typeOf(local) === onlyType)
  }
  if (local !== undefined) return local === localKey(asked)
  const [url, ...version] = asked.split('|')
  return version.length === 0 || found.type === 'Reference'
    ? referred === asked
    : referred === url && versionIn(found) === version.join('|')
}

/**
 * "The modifier :below is used with canonical references, to control whether the version is considered in the search": without a version it means
 * all, with one that version and those under it. https://hl7.org/fhir/R4/search.html#versions
 */
export const matchVersionsBelow = (found: Found, text: string): boolean => {
  if (found.type === 'Reference') return false
  const [url, version] = plainText(text).split('|')
  const own = versionIn(found)
  return referredBy(found) === url && (version === undefined || own === version || own.startsWith(`${version}.`))
}

/** Empty if a canonical names none. */
export const versionIn = ({ value }: Found): string =>
  typeof value === 'string' && value.includes('|') ? value.slice(value.indexOf('|') + 1) : ''

/** The text of a reference; for a canonical its URL, since without a version any version is meant. */
export const referredBy = ({ type, value }: Found): string | undefined => {
  if (type === 'Reference') return (value as { readonly reference?: string }).reference
  return typeof value === 'string' ? value.replace(/\|.*$/, '') : undefined
}

/** `Type/id` of a relative reference, whichever version it names. */
export const localKey = (reference: string): string | undefined =>
  /^([A-Z]\w+\/[\w.-]+)(?:\/_history\/[\w.-]+)?$/.exec(reference)?.[1]

const idOf = (key: string): string => key.slice(key.indexOf('/') + 1)
export const typeOf = (key: string): string => key.slice(0, key.indexOf('/'))
