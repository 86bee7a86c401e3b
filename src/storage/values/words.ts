import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { fold } from './string.ts'
import { wordQuery } from './word-query.ts'

type Words = Extract<Value, { kind: 'words' }>

/** The narrative, or all text of the resource, has the words. https://hl7.org/fhir/R4/search.html#content */
export const matchWords = (content: SqlFragment, { code }: SearchParameter, words: Words): SqlFragment =>
  code === '_text' ? sql.fragment`fhir_narrative_words(${content}) @@ ${queryOf(words)}` : matchContent(content, words)

/**
 * Taking all words out of a content is slow. If it is plain ASCII, each word that is asked for (as PostgreSQL's parser has it) must occur, letter by
 * letter, in one of its texts. So a content without these letters cannot match, and only those texts are split into words that contain the letters of
 * one: for example `Patient/…` contains those of *patient*, which is not a word there. A phrase is always within one text, so the other texts do not
 * matter.
 */
const matchContent = (content: SqlFragment, words: Words): SqlFragment => {
  const decided = sql.fragment`fhir_content_words(${content}) @@ ${queryOf(words)}`
  if (fold(words.query).split(/[^\p{L}\p{N}]+/u).length > mostParts) return decided
  const { may, does } = isOneWord(words) ? oneWord(words) : severalWords(words)
  return sql.fragment`(SELECT CASE
      WHEN octet_length(text) > length(text) THEN ${decided}
      WHEN NOT ${may} THEN FALSE
      WHEN length(text) > 250000 THEN ${decided}
      ELSE ${does(sql.fragment`jsonb_path_query(${content}, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS words_leaf`)}
      END
    FROM (SELECT lower((${content})::text COLLATE "C") AS text OFFSET 0) AS words_text)`
}

/** Looking for more is no faster. */
const mostParts = 30

/** Whether a content may match, by the letters of its `text`; and whether it does, by its texts, the rows `words_leaf`. */
type Tests = { readonly may: SqlFragment; readonly does: (leaves: SqlFragment) => SqlFragment }

const leafText = sql.fragment`lower(words_leaf #>> '{}' COLLATE "C")`

/** The parser may take a text with digits for several words. */
const isOneWord = ({ query }: Words): boolean => /^ *(?!(?:or|and) *$)[a-z]+ *$/.test(fold(query))

const oneWord = (words: Words): Tests => {
  const has = (text: SqlFragment) => sql.fragment`strpos(${text}, ${fold(words.query).trim()}) > 0`
  return {
    may: has(sql.fragment`text`),
    does: leaves => sql.fragment`EXISTS (
        SELECT FROM ${leaves} WHERE ${has(leafText)} AND to_tsvector('simple', words_leaf #>> '{}') @@ ${queryOf(words)})`,
  }
}

const severalWords = (words: Words): Tests => {
  const asked = askedIn(words)
  return {
    may: sql.fragment`coalesce(array_to_tsvector(ARRAY(
        SELECT asked_word FROM unnest(${asked}) AS asked_word WHERE strpos(text, asked_word) > 0)) @@ ${neededIn(words)}, TRUE)`,
    does: leaves => sql.fragment`(
        SELECT jsonb_to_tsvector('simple', coalesce(jsonb_agg(words_leaf), '[]'), '["string", "numeric"]') @@ ${queryOf(words)}
        FROM ${leaves}
        WHERE EXISTS (SELECT FROM unnest(${asked}) AS asked_word WHERE strpos(${leafText}, asked_word) > 0))`,
  }
}

/** The words of the query, according to the parser. Computed once in a statement. */
const askedIn = (words: Words): SqlFragment => sql.fragment`ARRAY(
  SELECT replace(quoted[1], '''''', '''') FROM regexp_matches((${queryOf(words)})::text, '''((?:[^'']|'''')+)''', 'g') AS quoted)`

/** What the letters of a content must contain in any case: the query without its negated words, and without the order in its phrases. */
const neededIn = (words: Words): SqlFragment => sql.fragment`(
  SELECT regexp_replace(nullif(querytree(${queryOf(words)}), 'T'), '<(-|[0-9]+)>', '&', 'g')::tsquery)`

/** The same for the row of full_text; `_content` has none. */
export const indexedWords = ({ code }: SearchParameter, words: Words): SqlFragment | undefined =>
  code === '_text' ? sql.fragment`narrative @@ ${queryOf(words)}` : undefined

/** Folded like the indexed words. */
const queryOf = ({ query }: Words): SqlFragment => wordQuery(fold(query))
