import { type CodeClasses, codesOf } from '../fhir/measured/code-class.ts'

/**
 * Apps of CommonHealth's partners ask for a kind of measurements by a word of its map of kinds, such as
 * `OMHealthResource.HeartRate.Read`. Answers the SMART scope that reads them; any other word stays as it is.
 */
export const withoutAlias = (word: string, context: 'patient' | 'system', classes: CodeClasses): string => {
  if (!/^OMHealthResource\.\w+\.Read$/.test(word)) return word
  const key = classes.kindOf(undefined, word)
  const kind = classes.kinds().find(one => one.key === key)
  return kind === undefined ? word : `${context}/Observation.rs?code=${codesOf(kind).join(',')}`
}
