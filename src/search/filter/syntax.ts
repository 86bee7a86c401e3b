import { FhirError, type IssueCode } from '../../fhir/error.ts'

/** The syntax of https://hl7.org/fhir/R4/search_filter.html, without the meaning of its names. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly of: readonly [Filter, Filter] }
  | { readonly kind: 'not'; readonly of: Filter }
  | Test

export type Test = {
  readonly kind: 'test'
  /** The steps lead to the last one, which is compared. */
  readonly path: readonly [Step, ...Step[]]
  readonly operator: Word
  readonly value: Word
}

/** `subject`, `subject:Patient`, or with a filter on its target: `subject[gender eq male]`. */
export type Step = Word & { readonly filter?: Filter }

/** A piece of the text, and where it starts. */
type Word = { readonly text: string; readonly at: number }

export const readFilter = (text: string): Filter => {
  const reader: Reader = { text, at: 0, depth: 0, tests: 0 }
  const filter = readLogical(reader)
  if (reader.at < text.length) throw unexpected(reader, '"and", "or" or the end')
  return filter
}

/** A refusal that says where in the filter, counting characters from 1. */
export const refusalAt = (at: number, message: string, code: IssueCode = 'invalid'): FhirError =>
  new FhirError(code, `_filter, at character ${at + 1}: ${message}`, { status: 400, expression: '_filter' })

/** Adds the place in the filter to what parameters and values refuse. */
export const located = <T>(at: number, run: () => T): T => {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof FhirError) || error.issues[0].expression === '_filter') throw error
    throw refusalAt(at, error.issues[0].message)
  }
}

/** `at`: how far the text has been read. `depth` and `tests` keep a filter within what one statement can ask. */
type Reader = { readonly text: string; at: number; depth: number; tests: number }

const maxDepth = 20
const maxTests = 50

/** "and" and "or" from left to right: neither has precedence over the other. */
const readLogical = (reader: Reader): Filter => {
  let filter = readOne(reader)
  for (let word = takeLogical(reader); word !== undefined; word = takeLogical(reader)) {
    filter = { kind: word === 'and' ? 'and' : 'or', of: [filter, readOne(reader)] }
  }
  take(reader, /(\s*)/y)
  return filter
}

const takeLogical = (reader: Reader): string | undefined => take(reader, /\s*(and|or)\b/y)

const readOne = (reader: Reader): Filter => {
  take(reader, /(\s*)/y)
  if (take(reader, /(not)\s*(?=\()/y) !== undefined) return { kind: 'not', of: readBracketed(reader, ')') }
  return reader.text[reader.at] === '(' ? readBracketed(reader, ')') : readTest(reader)
}

const readBracketed = (reader: Reader, close: ')' | ']'): Filter => {
  const start = reader.at
  reader.at += 1
  reader.depth += 1
  if (reader.depth > maxDepth) throw refusalAt(start, `brackets stand more than ${maxDepth} deep in each other`)
  const filter = readLogical(reader)
  if (reader.at >= reader.text.length) throw refusalAt(start, `this "${reader.text[start]}" is never closed`)
  if (reader.text[reader.at] !== close) throw unexpected(reader, `"and", "or" or "${close}"`)
  reader.at += 1
  reader.depth -= 1
  return filter
}

const readTest = (reader: Reader): Test => {
  reader.tests += 1
  if (reader.tests > maxTests) throw refusalAt(reader.at, `more than ${maxTests} comparisons`)
  const path = readPath(reader)
  const operator = readBehindBlank(reader, 'an operator', () => take(reader, /([a-z]+)(?![^\s)\]])/y))
  const value = readBehindBlank(reader, 'a value', () => readValue(reader))
  return { kind: 'test', path, operator, value }
}

const readPath = (reader: Reader): Test['path'] => {
  const path: [Step, ...Step[]] = [readStep(reader)]
  while (take(reader, /(\.)/y) !== undefined) path.push(readStep(reader))
  if (path.at(-1)?.filter !== undefined) throw unexpected(reader, '"." and a parameter behind the "]"')
  return path
}

const readStep = (reader: Reader): Step => {
  const { at } = reader
  const text = take(reader, /([A-Za-z_][\w:-]*)/y)
  if (text === undefined) throw unexpected(reader, 'a search parameter, "not (" or "("')
  return reader.text[reader.at] === '[' ? { text, at, filter: readBracketed(reader, ']') } : { text, at }
}

const readBehindBlank = (reader: Reader, what: string, read: () => string | undefined): Word => {
  if (take(reader, /(\s+)/y) === undefined) throw unexpected(reader, `a blank and ${what}`)
  const { at } = reader
  const text = read()
  if (text === undefined) throw unexpected(reader, what)
  return { text, at }
}

/** "The only difference between a string value and a token value is that a string can contain spaces and ) and ]." */
const readValue = (reader: Reader): string | undefined => {
  const { at } = reader
  if (reader.text[at] !== '"') return take(reader, /([^\s)\]]+)/y)
  const quoted = take(reader, /("(?:[^"\\]|\\.)*")/sy)
  if (quoted === undefined) throw refusalAt(at, 'this string is never closed')
  try {
    return JSON.parse(quoted)
  } catch {
    throw refusalAt(at, 'this is no JSON string: its escapes are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX')
  }
}

/** The pattern's group at this place, if the pattern matches there; reading then goes on after the whole match. */
const take = (reader: Reader, pattern: RegExp): string | undefined => {
  pattern.lastIndex = reader.at
  const found = pattern.exec(reader.text)
  if (found === null) return undefined
  reader.at += found[0].length
  return found[1]
}

const unexpected = ({ text, at }: Reader, expected: string): FhirError =>
  refusalAt(at, `${at < text.length ? `"${wordAt(text, at)}"` : 'it ends'} where ${expected} is expected`)

const wordAt = (text: string, at: number): string => /^(?:[\w:.-]+|.)/su.exec(text.slice(at, at + 40))?.[0] ?? ''
