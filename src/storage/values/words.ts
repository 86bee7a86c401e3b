import type { SearchParameter } from '../../fhir/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { fold } from './string.ts'

type Words = Extract<Value, { kind: 'words' }>

/** The narrative, or all text of the resource, has the words. https://hl7.org/fhir/R4/search.html#content */
export const matchWords = (content: SqlFragment, { code }: SearchParameter, words: Words): SqlFragment =>
  code === '_text'
    ? sql.fragment`fhir_narrative_words(${content}) @@ ${queryOf(words)}`
    : sql.fragment`fhir_content_words(${content}) @@ ${queryOf(words)}`

/** The same of the row of full_text; of `_content` there is none. */
export const indexedWords = ({ code }: SearchParameter, words: Words): SqlFragment | undefined =>
  code === '_text' ? sql.fragment`narrative @@ ${queryOf(words)}` : undefined

/** Folded as the words are; it takes any text, and what it cannot read of it means nothing. */
const queryOf = ({ query }: Words): SqlFragment => sql.fragment`websearch_to_tsquery('simple', ${fold(query)})`
