import { parseReference } from '../../fhir/reference.ts'
import type { SearchParameter } from '../../fhir/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { anyOf, type SqlFragment, sql } from '../sql.ts'
import { element, elementText, someElement } from './element.ts'

type Reference = Extract<Value, { kind: 'reference' | 'url' }>

/** https://hl7.org/fhir/R4/search.html#reference */
export const matchReference = (content: SqlFragment, parameter: SearchParameter, value: Reference): SqlFragment => {
  const texts = textsOf(parameter, value)
  return someElement(content, parameter.paths, datatype => [
    {
      holds:
        datatype === 'Reference'
          ? oneOf(sql.fragment`(${element} ->> 'reference')`, texts, '/_history/')
          : oneOf(elementText, texts, '|'),
    },
  ])
}

/** The text itself, or the text with a version behind it. */
const oneOf = (text: SqlFragment, texts: readonly string[], versionMark: string): SqlFragment =>
  anyOf([sql.fragment`split_part(${text}, ${versionMark}, 1) = ANY(${sql.array([...texts], 'text')})`])

/** How the reference may be spelled in content: a bare id may mean any of the parameter's targets. */
export const textsOf = (parameter: SearchParameter, value: Reference): readonly string[] => {
  if (value.kind === 'url') return [value.url]
  return value.type === undefined ? parameter.targets.map(type => `${type}/${value.id}`) : [`${value.type}/${value.id}`]
}

/** What an element refers to, as the index spells it: `Type/id`, or the URL. */
export const referenceTextOf = (datatype: string, value: unknown): string | undefined => {
  const text = datatype === 'Reference' ? (value as { reference?: string }).reference : String(value)
  if (text === undefined) return undefined
  if (datatype !== 'Reference') return text.split('|')[0]
  const parsed = parseReference(text)
  if (parsed === undefined || 'fragment' in parsed) return undefined
  return 'url' in parsed ? parsed.url : `${parsed.type}/${parsed.id}`
}
