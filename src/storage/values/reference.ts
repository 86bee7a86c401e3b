import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { parseReference } from '../../fhir/reference.ts'
import type { Value } from '../../search/value.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../sql.ts'
import { element, elementText, someElement } from './element.ts'

type Reference = Extract<Value, { kind: 'reference' | 'url' }>

/** https://hl7.org/fhir/R4/search.html#reference */
export const matchReference = (content: SqlFragment, parameter: SearchParameter, value: Reference): SqlFragment => {
  const texts = sql.array([...textsOf(parameter, value)], 'text')
  return someElement(content, parameter.paths, datatype => [
    { holds: (datatype === 'Reference' ? literalTest : canonicalTest)(texts, value) },
  ])
}

type ReferenceTest = (texts: ReturnType<typeof sql.array>, value: Reference) => SqlFragment

/** The URL, with any version unless one is asked for. */
const canonicalTest: ReferenceTest = (texts, value) => {
  const same = sql.fragment`split_part(${elementText}, '|', 1) = ANY(${texts})`
  if (value.kind !== 'url' || value.version === undefined) return same
  const version = sql.fragment`split_part(${elementText}, '|', 2)`
  const exact = sql.fragment`${version} = ${value.version}`
  return allOf([same, value.below === true ? anyOf([exact, startsWith(version, `${value.version}.`)]) : exact])
}

const startsWith = (text: SqlFragment, start: string): SqlFragment => sql.fragment`starts_with(${text}, ${start})`

const literalTest: ReferenceTest = texts =>
  sql.fragment`split_part(${element} ->> 'reference', '/_history/', 1) = ANY(${texts})`

/** How the reference may be written in a content: a bare id may mean any of the parameter's targets. */
export const textsOf = (parameter: SearchParameter, value: Reference): readonly string[] => {
  if (value.kind === 'url') return [value.url]
  return value.type === undefined ? parameter.targets.map(type => `${type}/${value.id}`) : [`${value.type}/${value.id}`]
}

/** What an element refers to, as it is in the index: `Type/id`, or the URL. */
export const referenceTextOf = (datatype: string, value: unknown): string | undefined => {
  const text = datatype === 'Reference' ? (value as { reference?: string }).reference : String(value)
  if (text === undefined) return undefined
  if (datatype !== 'Reference') return text.split('|')[0]
  const parsed = parseReference(text)
  if (parsed === undefined || 'fragment' in parsed) return undefined
  return 'url' in parsed ? parsed.url : `${parsed.type}/${parsed.id}`
}
