/** A Period that has ended at an unknown time. https://hl7.org/fhir/R4/extension-data-absent-reason.html */

import { standardExtensions } from './canonical.ts'

/** "If the end of the period is missing, it means that the period is ongoing": https://hl7.org/fhir/R4/datatypes.html#Period */
export const unknownEnd = {
  _end: { extension: [{ url: standardExtensions.dataAbsentReason, valueCode: 'unknown' }] },
} as const

/** Whether its end is said to be unknown, by any of the codes for that. */
export const isEndUnknown = (period: object): boolean => {
  const { end, _end } = period as { readonly end?: string; readonly _end?: { readonly extension?: readonly Said[] } }
  const said = _end?.extension?.find(({ url }) => url === standardExtensions.dataAbsentReason)
  return end === undefined && unknownWords.has(said?.valueCode)
}

type Said = { readonly url: string; readonly valueCode?: string }

/** `unknown` and the codes below it: https://hl7.org/fhir/R4/codesystem-data-absent-reason.html */
const unknownWords: ReadonlySet<unknown> = new Set([
  'unknown',
  'asked-unknown',
  'temp-unknown',
  'not-asked',
  'asked-declined',
])
