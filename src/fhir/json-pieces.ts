import { duplicateName } from './duplicate-name.ts'
import { FhirError } from './error.ts'
import { inSteps, type Steps } from './give-way.ts'
import { parseJson } from './json.ts'
import { deepestJson, isNestedTooDeep, nestedTooDeep } from './nesting.ts'

export type ReadJson = {
  readonly value: unknown
  /** Where a property occurs a second time, as FHIRPath. */
  readonly twice: string | undefined
}

/**
 * Reads JSON of any length as `parseJson` does. A long text is read in pieces, between which other requests have their turn. Throws SyntaxError,
 * and FhirError for JSON that is nested deeper, or has more values, than anybody needs, before it takes the memory for them.
 */
export const readJson = (text: string, options: Options): Promise<ReadJson> => inSteps(readSteps(text, options))

/** The same, in steps. */
export const readSteps = function* (
  text: string,
  { mostValues, pieceLength = usualPiece, parse = parseJson }: Options,
): Steps<ReadJson> {
  if (text.length > pieceLength) return yield* readPieces(text, { mostValues, pieceLength, parse })
  const value = parse(text)
  if (isNestedTooDeep(value)) throw nestedTooDeep()
  return { value, twice: duplicateName(text, value) }
}

/** The same for JSON that this server wrote itself, in which no property occurs twice. */
export const parseInSteps = async (text: string): Promise<unknown> =>
  text.length > usualPiece ? (await readJson(text, { mostValues: Infinity })).value : parseJson(text)

type Options = {
  readonly mostValues: number
  /** How many characters are read at once. */
  readonly pieceLength?: number
  /** Reads each piece. */
  readonly parse?: (text: string) => unknown
}

const usualPiece = 128 * 1024

/**
 * A list or an object that has begun but not ended. In `{"a": [1, 2, 3, …` two are open. Say that the comma after the 2 is more than
 * `pieceLength` after the place up to which the text was last read. Then both get a `value`: the inner one `[1, 2]`, by giving `parse` its text
 * up to that comma, and the outer one an object with that as `a`. Members that follow are added to these. A list or an object that ends before
 * such a comma comes is read by `parse` together with its neighbours.
 */
type Open = {
  readonly isList: boolean
  /** The place of its bracket. */
  readonly start: number
  /** Its members so far; absent as long as none of its text has been read separately. */
  value?: unknown[] | Record<string, unknown>
  path: string
  /** Where the text begins that has not been read yet. */
  from: number
  /** The last comma after `from` between two of its own members. */
  comma: number | undefined
  /** Whether its last member so far is a list or an object with a `value` of its own: only a comma or the end may follow it. */
  isMemberRead: boolean
}

type Reading = {
  readonly text: string
  readonly pieceLength: number
  readonly parse: (text: string) => unknown
  /** From the outermost to the innermost. */
  readonly open: Open[]
  /** The place up to which the text has been read. */
  readTo: number
  values: number
  root: { readonly value: unknown; readonly end: number } | undefined
  twice: string | undefined
}

/** Only looks for brackets, commas and strings; all that lies between them is read, and judged, by `parse`. */
const readPieces = function* (text: string, { mostValues, ...options }: Required<Options>): Steps<ReadJson> {
  const reading: Reading = { ...options, text, open: [], readTo: 0, values: 1, root: undefined, twice: undefined }
  for (let at = 0; at < text.length; at += 1) {
    const mark = marks[text.charCodeAt(at)]
    if (mark === undefined) continue
    const before = reading.readTo
    at = mark(reading, at)
    if (reading.values > mostValues)
      throw new FhirError('too-long', `The body has more than ${mostValues} values: send it in parts`)
    if (reading.readTo > before) yield
  }
  const { root, open, twice } = reading
  if (open.length > 0) throw wrongAt(text.length)
  if (root === undefined) return { value: reading.parse(text), twice }
  requireBlank(reading, root.end, text.length)
  return { value: root.value, twice }
}

/** Handles a character, and answers the place of the last character that belongs to it. */
type Mark = (reading: Reading, at: number) => number

const skipString: Mark = ({ text }, at) => {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end
    while (text[first - 1] === '\\') first -= 1
    if ((end - first) % 2 === 0) return end
  }
  throw wrongAt(at)
}

const begin: Mark = (reading, at) => {
  const { text, open, root } = reading
  if (open.length >= deepestJson) throw nestedTooDeep()
  if (open.length === 0) requireBlank(reading, root?.end ?? 0, root === undefined ? at : text.length)
  if (open.at(-1)?.isMemberRead) throw wrongAt(at)
  reading.values += 1
  open.push({ isList: text[at] === '[', start: at, path: '', from: at + 1, comma: undefined, isMemberRead: false })
  return at
}

const part: Mark = (reading, at) => {
  const inside = reading.open.at(-1)
  if (inside === undefined) throw wrongAt(at)
  reading.values += 1
  if (inside.isMemberRead) {
    requireBlank(reading, inside.from, at)
    inside.from = at + 1
    inside.isMemberRead = false
  } else {
    inside.comma = at
    if (at - reading.readTo > reading.pieceLength) readSoFar(reading)
  }
  return at
}

const end: Mark = (reading, at) => {
  const { text, open } = reading
  const ended = open.pop()
  if (ended === undefined || ended.isList !== (text[at] === ']')) throw wrongAt(at)
  const around = open.at(-1)
  if (ended.value !== undefined) {
    if (ended.isMemberRead) requireBlank(reading, ended.from, at)
    else readMembers(reading, ended, at)
    if (around !== undefined) around.from = at + 1
  }
  if (around === undefined)
    reading.root = { value: ended.value ?? readWhole(reading, ended.start, at + 1), end: at + 1 }
  return at
}

const readWhole = (reading: Reading, from: number, to: number): unknown => {
  const value = parsed(reading, from, to)
  reading.twice = duplicateName(reading.text.slice(from, to), value)
  return value
}

const marks: readonly (Mark | undefined)[] = Array.from(
  { length: 128 },
  (_, code) => ({ '"': skipString, '{': begin, '[': begin, ',': part, '}': end, ']': end })[String.fromCharCode(code)],
)

/** Reads everything up to the last comma of the innermost. From then on all that is open has a value. */
const readSoFar = (reading: Reading): void => {
  let around: Open | undefined
  for (const one of reading.open) {
    if (one.value === undefined) {
      one.value = one.isList ? [] : {}
      if (around !== undefined) putOpen(reading, around, one)
    }
    around = one
  }
  if (around !== undefined) readUpToComma(reading, around)
}

/** Reads the members before it of the list or object around it, and adds it there. */
const putOpen = (reading: Reading, around: Open, one: Open): void => {
  readUpToComma(reading, around)
  const name = around.isList ? undefined : nameBefore(reading, around.from, one.start)
  if (around.isList) requireBlank(reading, around.from, one.start)
  one.path = pathOf(around, name)
  put(reading, around, name, one.value)
  around.isMemberRead = true
}

const nameBefore = (reading: Reading, from: number, to: number): string => {
  const colon = reading.text.slice(from, to).lastIndexOf(':')
  const name = colon < 0 ? undefined : parsed(reading, from, from + colon)
  if (typeof name !== 'string') throw wrongAt(from)
  requireBlank(reading, from + colon + 1, to)
  return name
}

const readUpToComma = (reading: Reading, open: Open): void => {
  if (open.comma === undefined) return
  readMembers(reading, open, open.comma)
  open.from = open.comma + 1
  open.comma = undefined
}

const readMembers = (reading: Reading, open: Open, to: number): void => {
  const { text } = reading
  if (isBlank(text.slice(open.from, to))) throw wrongAt(to)
  const [first, last] = open.isList ? '[]' : '{}'
  const piece = `${first}${text.slice(open.from, to)}${last}`
  const members = parsed({ ...reading, text: piece }, 0, piece.length, open.from - 1)
  const twice = duplicateName(piece, members)
  if (twice !== undefined) reading.twice ??= pathWithin(open, twice)
  if (Array.isArray(members)) for (const one of members) put(reading, open, undefined, one)
  else for (const [name, one] of Object.entries(members as object)) put(reading, open, name, one)
  reading.readTo = to
}

const put = (reading: Reading, open: Open, name: string | undefined, member: unknown): void => {
  const { value } = open
  if (Array.isArray(value)) value.push(member)
  else if (value !== undefined && name !== undefined) {
    if (Object.hasOwn(value, name)) reading.twice ??= pathOf(open, name)
    // Not by assignment: a property may be called __proto__.
    Object.defineProperty(value, name, { value: member, writable: true, enumerable: true, configurable: true })
  }
}

const pathOf = ({ path, value }: Open, name: string | undefined): string => {
  if (name === undefined) return `${path}[${Array.isArray(value) ? value.length : 0}]`
  return path === '' ? name : `${path}.${name}`
}

/** In the path of a piece, the indexes of a list count from the beginning of the piece. */
const pathWithin = (open: Open, path: string): string => {
  const { value } = open
  if (!Array.isArray(value)) return pathOf(open, path)
  return open.path + path.replace(/^\[(\d+)\]/, (_, place: string) => `[${value.length + Number(place)}]`)
}

const parsed = ({ text, parse }: Pick<Reading, 'text' | 'parse'>, from: number, to: number, offset = from): unknown => {
  try {
    return parse(text.slice(from, to))
  } catch (error) {
    const place = error instanceof SyntaxError ? / at position (\d+)/.exec(error.message)?.[1] : undefined
    throw place === undefined ? error : wrongAt(offset + Number(place))
  }
}

const requireBlank = ({ text }: Pick<Reading, 'text'>, from: number, to: number): void => {
  if (!isBlank(text.slice(from, to))) throw wrongAt(from)
}

const isBlank = (text: string): boolean => /^[ \t\n\r]*$/.test(text)

const wrongAt = (position: number): SyntaxError => new SyntaxError(`Not JSON at position ${position}`)
