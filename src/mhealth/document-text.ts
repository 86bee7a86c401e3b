import { isUtf8 } from 'node:buffer'
import { duplicateName } from '../fhir/duplicate-name.ts'
import { FhirError } from '../fhir/error.ts'
import { parseText } from '../fhir/escaped-name.ts'
import type { Steps } from '../fhir/give-way.ts'
import { mayLoseText, parseJson } from '../fhir/json.ts'
import { type ReadJson, readSteps } from '../fhir/json-pieces.ts'
import { deepestJson } from '../fhir/nesting.ts'
import { unacceptable } from './unacceptable.ts'

/** With numbers as in JavaScript, and with numbers that keep their text. */
type ParsedDocument = {
  readonly plain: unknown
  readonly exact: unknown
  /** Nested deeper than many JSON readers go: nobody could read it, nor an answer that has it in it. */
  readonly isTooDeep: boolean
}

/** Parses the bytes twice; once if no number loses digits. */
export const parseDocument = function* (bytes: Buffer, expression: string): Steps<ParsedDocument> {
  if (!isUtf8(bytes)) throw unacceptable('encoding-broken', 'the document is not UTF-8', expression)
  const text = textOf(bytes)
  yield
  let isExact = true
  const parse = (piece: string): unknown => {
    if (mayLoseText(piece)) isExact = false
    return parseText(piece)
  }
  const { value: plain, twice, isTooDeep = false } = yield* readText(text, parse, expression)
  if (twice === undefined) {
    const exact = isExact ? plain : (yield* readText(text, parseJson, expression)).value
    return { plain, exact, isTooDeep }
  }
  throw unacceptable('json-broken', `${twice} stands twice in the document; each property stands once`, expression)
}

type Parse = (text: string) => unknown

type ReadText = ReadJson & { readonly isTooDeep?: true }

const readText = function* (text: string, parse: Parse, expression: string): Steps<ReadText> {
  try {
    return yield* readSteps(text, { mostValues: Infinity, parse })
  } catch (cause) {
    // Even if it is nested too deeply, it can still be said of which schema it is.
    if (cause instanceof FhirError) return readAtOnce(text, parse, expression)
    throw unreadable(cause, expression)
  }
}

const readAtOnce = (text: string, parse: Parse, expression: string): ReadText => {
  try {
    const value = parse(text)
    return { value, twice: duplicateName(text, value), isTooDeep: true }
  } catch (cause) {
    throw unreadable(cause, expression)
  }
}

const unreadable = (cause: unknown, expression: string): unknown => {
  if (cause instanceof SyntaxError)
    return unacceptable('json-broken', `the document is not JSON: ${cause.message}`, expression)
  return cause instanceof RangeError ? nestedTooDeep(expression) : cause
}

export const nestedTooDeep = (expression: string): FhirError =>
  unacceptable('nested-too-deep', `the document is nested more than ${deepestJson} levels deep`, expression)

/** Without the byte order mark that some begin with. */
export const textOf = (bytes: Buffer): string => withoutMark(bytes).toString('utf8')

/** The same bytes, for whoever puts a document among others: a mark is only allowed at the beginning, and many JSON readers refuse it even there. */
export const withoutMark = (bytes: Buffer): Buffer =>
  bytes.subarray(0, mark.length).equals(mark) ? bytes.subarray(mark.length) : bytes

const mark = Buffer.from('\uFEFF')
