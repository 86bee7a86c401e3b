import { bodyPointer, type OmhDocument } from './document.ts'
import { type Finding, finding } from './finding.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'

/**
 * Units stand in the FHIR face as they were sent, and its texts know no control characters: where it has some, the first units of the
 * document that do.
 */
export const unreadableUnits = (face: unknown, { bytes, plain, expression }: OmhDocument): readonly Finding[] => {
  // JSON has them, and halves of pairs, by way of an escape alone: nearly no document has any.
  if (!bytes.includes(backslash) || isReadable(face)) return []
  for (const [index, body] of plain.bodies.entries()) {
    const pointers = [...unreadableIn(asRecord(body) ?? {}, bodyPointer(plain, index))]
    if (pointers.length > 0)
      return pointers.map(pointer =>
        finding('unit-unreadable', `${pointer}: a unit has no control characters`, expression, { pointer }),
      )
  }
  return []
}

const backslash = 0x5c

const unreadableIn = function* (part: JsonRecord, at: string): Generator<string> {
  for (const [name, value] of Object.entries(part)) {
    if (typeof value !== 'string') yield* unreadableIn(asRecord(value) ?? {}, `${at}/${name}`)
    else if (units.has(name) && !isReadable(value)) yield `${at}/${name}`
  }
}

const units: ReadonlySet<string> = new Set(['unit', 'descriptive_statistic_denominator'])

const isReadable = (value: unknown): boolean => {
  if (typeof value === 'string') return !/[^\P{Cc}\t\r\n\u007f-\u009f]/u.test(value) && value.isWellFormed()
  return typeof value !== 'object' || value === null || Object.values(value).every(isReadable)
}
