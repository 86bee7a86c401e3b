import { duplicateName } from './duplicate-name.ts'
import { FhirError } from './error.ts'
import { inTurns } from './in-turns.ts'
import { parseJson } from './json.ts'

export type ReadJson = {
  readonly value: unknown
  /** Where a property stands a second time, as FHIRPath. */
  readonly twice: string | undefined
}

/**
 * JSON of any length, as `parseJson` has it. What is long is read in pieces, and others have their turn between them. Throws
 * SyntaxError, and FhirError for what nests deeper or has more values than anybody needs, before it takes their memory.
 */
export const readJson = async (text: string, { mostValues, pieceLength = usualPiece, parse = parseJson }: Options) => {
  if (text.length > pieceLength) return inTurns(readPieces(text, { mostValues, pieceLength, parse }))
  const value = parse(text)
  return { value, twice: duplicateName(text, value) }
}

/** Likewise what we have written ourselves, in which nothing stands twice. */
export const parseInTurns = async (text: string): Promise<unknown> =>
  text.length > usualPiece ? (await readJson(text, { mostValues: Infinity })).value : parseJson(text)

type Options = {
  readonly mostValues: number
  /** How many characters are read at once. */
  readonly pieceLength?: number
  /** Of each piece. */
  readonly parse?: (text: string) => unknown
}

const usualPiece = 128 * 1024

/** The validation of a resource ends far above it. */
export const deepestJson = 500

/** A list or an object that has not ended yet. */
type Open = {
  readonly isList: boolean
  /** Where its bracket stands. */
  readonly start: number
  /** What of it has been read; absent where it lies in one piece so far. */
  value?: unknown[] | Record<string, unknown>
  path: string
  /** Where what is not read yet begins, and the last comma behind that between two of its own members. */
  from: number
  comma: number | undefined
  /** The member that lies there has been read. */
  isMemberRead: boolean
}

type Reading = {
  readonly text: string
  readonly pieceLength: number
  readonly parse: (text: string) => unknown
  readonly open: Open[]
  /** Up to where all is read. */
  readTo: number
  values: number
  root: { readonly value: unknown; readonly end: number } | undefined
  twice: string | undefined
}

/** Looks for brackets and commas alone: what lies between them is JSON.parse's. */
const readPieces = function* (text: string, { mostValues, ...options }: Required<Options>): Generator<void, ReadJson> {
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

/** Each gives where it ends. */
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
  if (open.length >= deepestJson)
    throw new FhirError('structure', `The body is nested more than ${deepestJson} levels deep`)
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

/** All up to the last comma. From here on what is open is put together piece by piece. */
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
    // It may be called __proto__.
    Object.defineProperty(value, name, { value: member, writable: true, enumerable: true, configurable: true })
  }
}

const pathOf = ({ path, value }: Open, name: string | undefined): string => {
  if (name === undefined) return `${path}[${Array.isArray(value) ? value.length : 0}]`
  return path === '' ? name : `${path}.${name}`
}

/** Places of a piece of a list count from its own beginning. */
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

const wrongAt = (position: number): SyntaxError => new SyntaxError(`What stands at position ${position} is wrong`)
