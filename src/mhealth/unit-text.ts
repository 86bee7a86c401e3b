import { bodyPointer, type OmhDocument } from './document.ts'
import { type Finding, finding } from './finding.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'

/**
 * FHIR elements have units as they were sent, but no FHIR text may have control characters. If these elements do, the findings are about the
 * first units of the document with such characters.
 */
export const unreadableUnits = (face: unknown, { bytes, plain, expression }: OmhDocument): readonly Finding[] => {
  // In JSON, these and halves of surrogate pairs need an escape, which nearly no document has.
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
