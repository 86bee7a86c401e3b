import type { Found } from '../values.ts'
import { plainText } from './escape.ts'

/**
 * "Matches are precise, case, accent, and escape sensitive, and the entire URI must match." https://hl7.org/fhir/R4/search.html#uri
 * A canonical has its version after the URI, and any is meant if none is named.
 */
export const matchUri = ({ type, value }: Found, text: string): boolean => {
  const asked = plainText(text)
  return value === asked || (type === 'canonical' && typeof value === 'string' && value.replace(/\|.*$/, '') === asked)
}
