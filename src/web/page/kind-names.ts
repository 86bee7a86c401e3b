import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { NameKind } from '../../operations/rows/value-cells.ts'

/** LOINC and SNOMED codes of parts of an Open mHealth document that have no name in it. */
const partCodes = [
  '8480-6',
  '8462-4',
  '96608-5',
  '96609-3',
  '3151-8',
  '93829-0',
  '93830-8',
  '93831-6',
  '55411-3',
  '41981-2',
  '271605009',
] as const

/** The names of readings and their parts in a table, for a reader with these words. */
export const kindNames = (codeClasses: CodeClasses, words: Words): NameKind => {
  const ofParts = new Map<string, string>(partCodes.map(code => [code, words.say(`part.${code}`)]))
  const names = new Map(codeClasses.kinds().map(({ key, display }) => [key, words.kind(key, display)]))
  return (system, code) => names.get(codeClasses.kindOf(system, code) ?? '') ?? ofParts.get(code)
}
