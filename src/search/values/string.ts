import { unescapeText } from '../escape.ts'
import type { Value } from '../value.ts'

/** https://hl7.org/fhir/R4/search.html#string. Case and accents are left to the comparison. */
export const parseString = (text: string): Value => ({ kind: 'string', text: unescapeText(text) })
