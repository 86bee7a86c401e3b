import type { Structures } from '../definition/structure.ts'
import { openFields } from './fields.ts'
import { parseXml } from './parse.ts'
import { type PrintOptions, printEntry, printResource } from './print.ts'

/** Converts FHIR's XML from and to parsed JSON whose decimals keep their text (see json.ts). https://hl7.org/fhir/R4/xml.html */
export type Xml = {
  readonly parse: (text: string) => Promise<unknown>
  readonly print: (resource: unknown, options?: PrintOptions) => string
  /** The same in pieces, some of which are empty. */
  readonly printPieces: (resource: unknown, options?: PrintOptions) => Iterable<string>
  /** The same for an entry of a Bundle, as it is written among the others. */
  readonly printEntry: (entry: unknown, options?: PrintOptions) => Iterable<string>
}

export const openXml = (structures: Structures): Xml => {
  const fieldsOf = openFields(structures)
  return {
    parse: text => parseXml(fieldsOf, text),
    print: (resource, options) => [...printResource(fieldsOf, resource, options)].join(''),
    printPieces: (resource, options) => printResource(fieldsOf, resource, options),
    printEntry: (entry, options) => printEntry(fieldsOf, entry, options),
  }
}
