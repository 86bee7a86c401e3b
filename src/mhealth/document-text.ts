import { isUtf8 } from 'node:buffer'
import { duplicateName } from '../fhir/duplicate-name.ts'
import { FhirError } from '../fhir/error.ts'
import type { Steps } from '../fhir/give-way.ts'
import { mayLoseText, parseJson } from '../fhir/json.ts'
import { type ReadJson, readSteps } from '../fhir/json-pieces.ts'
import { unacceptable } from './unacceptable.ts'

/** Parses the bytes twice, with numbers as in JavaScript and with numbers that keep their text; once if none loses digits. */
export const parseDocument = function* (
  bytes: Buffer,
  expression: string,
): Steps<readonly [plain: unknown, exact: unknown]> {
  if (!isUtf8(bytes)) throw unacceptable('encoding-broken', 'the document is not UTF-8', expression)
  const text = textOf(bytes)
  yield
  let isExact = true
  const parse = (piece: string): unknown => {
    if (mayLoseText(piece)) isExact = false
    return JSON.parse(piece)
  }
  const { value: plain, twice } = yield* readText(text, parse, expression)
  if (twice === undefined) return [plain, isExact ? plain : (yield* readText(text, parseJson, expression)).value]
  throw unacceptable('json-broken', `${twice} stands twice in the document; each property stands once`, expression)
}

type Parse = (text: string) => unknown

const readText = function* (text: string, parse: Parse, expression: string): Steps<ReadJson> {
  try {
    return yield* readSteps(text, { mostValues: Infinity, parse })
  } catch (cause) {
    // If it is nested too deeply to be read in pieces, it can still be said of which schema it is.
    if (cause instanceof FhirError) return readAtOnce(text, parse, expression)
    throw unreadable(cause, expression)
  }
}

const readAtOnce = (text: string, parse: Parse, expression: string): ReadJson => {
  try {
    const value = parse(text)
    return { value, twice: duplicateName(text, value) }
  } catch (cause) {
    throw unreadable(cause, expression)
  }
}

const unreadable = (cause: unknown, expression: string): unknown => {
  if (cause instanceof SyntaxError)
    return unacceptable('json-broken', `the document is not JSON: ${cause.message}`, expression)
  if (cause instanceof RangeError)
    return unacceptable('nested-too-deep', 'the document is nested too deeply', expression)
  return cause
}

/** Without the byte order mark that some begin with. */
export const textOf = (bytes: Buffer): string => withoutMark(bytes).toString('utf8')

/** The same bytes, for whoever puts a document among others: a mark is only allowed at the beginning, and many JSON readers refuse it even there. */
export const withoutMark = (bytes: Buffer): Buffer =>
  bytes.subarray(0, mark.length).equals(mark) ? bytes.subarray(mark.length) : bytes

const mark = Buffer.from('\uFEFF')
