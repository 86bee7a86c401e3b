import type { Found } from '../values.ts'
import { plainText } from './escape.ts'

/** "Matches are precise, case, accent, and escape sensitive, and the entire URI must match." https://hl7.org/fhir/R4/search.html#uri */
export const matchUri = ({ value }: Found, text: string): boolean => value === plainText(text)
