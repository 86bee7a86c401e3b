import { type SqlFragment, sql } from '../sql.ts'

/**
 * The words that are asked for, as a tsquery. It accepts any text, and ignores what it cannot read. "The bone OR liver AND metastases" of
 * https://hl7.org/fhir/R4/search.html#content with brackets is put together here; what is between them is left to PostgreSQL.
 */
export const wordQuery = (folded: string): SqlFragment => {
  const tokens = [...folded.matchAll(token)]
  if (!tokens.some(isOfOurs)) return plain(folded)
  const cursor: Cursor = { folded, tokens, at: 0 }
  const found: SqlFragment[] = []
  while (cursor.at < tokens.length) {
    found.push(...alternatives(cursor))
    // A bracket that was never opened.
    cursor.at += 1
  }
  return joined(found, sql.fragment` && `)[0] ?? plain('')
}

/** A minus inside or at the end of a word does not negate the bracket after it: `beta-(1-3)-glucan`. */
const token = /"[^"]*"?|(?<![^\s(])-\(|\(|\)|[^\s()"]+/g

type Token = RegExpExecArray
type Cursor = { readonly folded: string; readonly tokens: readonly Token[]; at: number }

const isOfOurs = ([text]: Token): boolean => operators.has(text)
const operators: ReadonlySet<string> = new Set(['(', '-(', ')', 'and'])

const plain = (text: string): SqlFragment => sql.fragment`websearch_to_tsquery('simple', fhir_apart(${text}))`

const joined = (found: readonly SqlFragment[], operator: SqlFragment): readonly SqlFragment[] =>
  found.length < 2 ? found : [sql.fragment`(${sql.join(found, operator)})`]

/** Up to the closing bracket; empty if nothing is asked for. */
const alternatives = (cursor: Cursor): readonly SqlFragment[] => {
  const found = [...conjunction(cursor)]
  while (textAt(cursor) === 'or') {
    cursor.at += 1
    found.push(...conjunction(cursor))
  }
  return joined(found, sql.fragment` || `)
}

const conjunction = (cursor: Cursor): readonly SqlFragment[] => {
  const found: SqlFragment[] = []
  for (let text = textAt(cursor); text !== undefined && text !== 'or' && text !== ')'; text = textAt(cursor)) {
    if (text === 'and') cursor.at += 1
    else if (text === '(' || text === '-(') found.push(...group(cursor, text))
    else found.push(run(cursor))
  }
  return joined(found, sql.fragment` && `)
}

const group = (cursor: Cursor, opened: string): readonly SqlFragment[] => {
  cursor.at += 1
  const inner = alternatives(cursor)
  if (textAt(cursor) === ')') cursor.at += 1
  return opened === '(' ? inner : inner.map(one => sql.fragment`(!! ${one})`)
}

/** Words and phrases one after another, as they were written. */
const run = (cursor: Cursor): SqlFragment => {
  const from = cursor.tokens[cursor.at]?.index ?? 0
  let to = from
  for (let text = textAt(cursor); text !== undefined && !ends.has(text); text = textAt(cursor)) {
    to = (cursor.tokens[cursor.at]?.index ?? 0) + text.length
    cursor.at += 1
  }
  return plain(cursor.folded.slice(from, to))
}
const ends: ReadonlySet<string> = new Set([...operators, 'or'])

const textAt = ({ tokens, at }: Cursor): string | undefined => tokens[at]?.[0]
