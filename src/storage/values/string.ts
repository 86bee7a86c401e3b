import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { elementText, someElement } from './element.ts'

type StringValue = Extract<Value, { kind: 'string' }>

const parts: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['family', 'given', 'prefix', 'suffix', 'text'],
  Address: ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'],
}

/** The parts of a datatype that a string search looks at; a primitive is its own only part. */
export const partsOf = (datatype: string): readonly (string | undefined)[] => parts[datatype] ?? [undefined]

/** Starts with the text, case, accents and the form of apostrophes aside. https://hl7.org/fhir/R4/search.html#string */
export const matchString = (content: SqlFragment, parameter: SearchParameter, value: StringValue): SqlFragment => {
  const holds = textTest(value)
  return someElement(content, parameter.paths, datatype =>
    partsOf(datatype).map(part => (part === undefined ? { holds } : { inside: `${part}[*]`, holds })),
  )
}

/** The same of one text, an expression of SQL. */
export const textTest = ({ text, match }: StringValue, of = elementText): SqlFragment => {
  if (match === 'exact') return sql.fragment`${of} = ${text}`
  return match === 'contains'
    ? sql.fragment`strpos(fhir_fold(${of}), ${fold(text)}) > 0`
    : sql.fragment`starts_with(fhir_fold(${of}), ${fold(text)})`
}

/** datatype → where the text for people stands beside its code or reference. */
const texts: Readonly<Record<string, readonly string[]>> = {
  CodeableConcept: ['text', 'coding[*].display'],
  Coding: ['display'],
  Identifier: ['type.text'],
  Reference: ['display'],
}

/** https://hl7.org/fhir/R4/search.html#token, `:text`: "the search functions as a normal string search". */
export const matchDisplay = (content: SqlFragment, parameter: SearchParameter, text: string): SqlFragment => {
  const holds = textTest({ kind: 'string', text })
  return someElement(content, parameter.paths, datatype => (texts[datatype] ?? []).map(inside => ({ inside, holds })))
}

/** The prefix as bounds of a b-tree in "C" collation: everything from the text up to, not including, its successor. */
export const stringBounds = ({ text, match }: Pick<StringValue, 'text' | 'match'>): SqlFragment => {
  const folded = indexed(text)
  if (match === 'contains') return sql.fragment`(octet_length(value) >= ${shortestCut} OR strpos(value, ${folded}) > 0)`
  return sql.fragment`value >= ${folded} AND value < ${`${folded}\u{10FFFF}`}`
}

/** The folded texts of an element, for the index. */
export const stringsOf = (datatype: string, value: unknown): readonly string[] => {
  const names = parts[datatype]
  if (names === undefined) return typeof value === 'string' ? [indexed(value)] : []
  const fields = value as Readonly<Record<string, string | readonly string[] | undefined>>
  return names.flatMap(name => fields[name] ?? []).flatMap(text => (typeof text === 'string' ? [indexed(text)] : []))
}

/** A b-tree entry has its bounds; the content decides beyond them. A letter of two units is not cut in half. */
const longestIndexed = 200

const indexed = (text: string): string => fold(text).slice(0, longestIndexed).replace(halfPair, '')
const halfPair = /[\ud800-\udbff]$/

/** In bytes of UTF-8, of which no letter has fewer than units of UTF-16: whatever was cut is as long. */
const shortestCut = longestIndexed - 1

/** As `fhir_fold` in the database. A sigma is the same letter at the end of a word, an apostrophe the same however it is typed or set. */
export const fold = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .replace(/[`´‘’ʻʼ′＇]/g, "'")
