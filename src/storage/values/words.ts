import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { fold } from './string.ts'

type Words = Extract<Value, { kind: 'words' }>

/** The narrative, or all text of the resource, has the words. https://hl7.org/fhir/R4/search.html#content */
export const matchWords = (content: SqlFragment, { code }: SearchParameter, words: Words): SqlFragment =>
  code === '_text' ? sql.fragment`fhir_narrative_words(${content}) @@ ${queryOf(words)}` : matchContent(content, words)

/**
 * To take all words out of a content is slow. One of letters alone stands, in what is plain ASCII, among those of one of its texts, and in no
 * content that has not its letters: only texts that have these are taken apart, as `Patient/…` is, in which *patient* is no word.
 */
const matchContent = (content: SqlFragment, words: Words): SqlFragment => {
  const decided = sql.fragment`fhir_content_words(${content}) @@ ${queryOf(words)}`
  const needed = neededWord(words)
  if (needed === undefined) return decided
  const leaf = sql.fragment`words_leaf #>> '{}'`
  const further = fold(words.query).trim() === needed ? sql.fragment`` : sql.fragment`AND ${decided}`
  return sql.fragment`(SELECT CASE
      WHEN octet_length(text) > length(text) THEN ${decided}
      WHEN strpos(lower(text COLLATE "C"), ${needed}) = 0 THEN FALSE
      WHEN length(text) > 250000 THEN ${decided}
      ELSE EXISTS (
          SELECT FROM jsonb_path_query(${content}, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS words_leaf
          WHERE strpos(lower(${leaf} COLLATE "C"), ${needed}) > 0
            AND to_tsvector('simple', ${leaf}) @@ websearch_to_tsquery('simple', ${needed}))
        ${further}
      END
    FROM (SELECT (${content})::text AS text OFFSET 0) AS words_text)`
}

/** The longest of letters alone, where all are meant, and nothing else stands between them. What has digits may be taken for several words. */
const neededWord = ({ query }: Words): string | undefined => {
  const all = fold(query).split(' ')
  if (all.includes('or') || !all.every(word => /^[a-z0-9]*$/.test(word))) return undefined
  return all.filter(word => /^[a-z]+$/.test(word)).toSorted((one, other) => other.length - one.length)[0]
}

/** The same of the row of full_text; of `_content` there is none. */
export const indexedWords = ({ code }: SearchParameter, words: Words): SqlFragment | undefined =>
  code === '_text' ? sql.fragment`narrative @@ ${queryOf(words)}` : undefined

/** Folded as the words are; it takes any text, and what it cannot read of it means nothing. */
const queryOf = ({ query }: Words): SqlFragment => sql.fragment`websearch_to_tsquery('simple', ${fold(query)})`
