/**
 * What is wrong with the fullUrl of an entry, in words that say what would be right.
 * https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl
 */
export const fullUrlFault = (fullUrl: string): string | undefined => {
  if (!absolute.test(fullUrl)) return 'a fullUrl is absolute, as https://… or urn:uuid:…, and not relative'
  if (!uuidUrn.test(fullUrl) || uuid.test(fullUrl.slice('urn:uuid:'.length))) return undefined
  return 'behind urn:uuid: a fullUrl has a UUID, as urn:uuid:c757873d-ec9a-4326-a141-556f43239520'
}

const absolute = /^[a-z][a-z\d+.-]*:/i
const uuidUrn = /^urn:uuid:/i
const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i
