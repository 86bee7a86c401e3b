import { systems } from '../../fhir/canonical.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { NameKind } from '../../operations/rows/value-cells.ts'

/** The names of readings and their parts in a table, for a reader with these words. */
export const kindNames = (codeClasses: CodeClasses, words: Words): NameKind => {
  const names = new Map(codeClasses.kinds().map(({ key, display }) => [key, words.kind(key, display)]))
  return (system, code) =>
    names.get(codeClasses.kindOf(system, code) ?? '') ?? (namesParts(system) ? words.meaning('part', code) : undefined)
}

/** Those of which documents take codes for their parts, which have no name in them. */
const namesParts = (system: string | undefined): boolean =>
  system === undefined || system === systems.loinc || system === systems.snomed || system === systems.omhElement
