import { unescapeText } from '../escape.ts'
import type { Value } from '../value.ts'

/** https://hl7.org/fhir/R4/search.html#uri: compared character by character. */
export const parseUri = (text: string): Value => ({ kind: 'uri', uri: unescapeText(text) })
