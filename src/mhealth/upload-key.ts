import { createHash, type Hash, hash } from 'node:crypto'
import { configure } from 'safe-stable-stringify'
import type { Steps } from '../fhir/give-way.ts'
import { clockSkewMs, instantOf, toDateTime } from './date-time.ts'
import type { OmhDocument } from './document.ts'
import { nestedTooDeep } from './document-text.ts'
import { asList, asRecord, asText, type JsonRecord } from './json-tree.ts'
import { mapVersion } from './observation.ts'
import { unacceptable } from './unacceptable.ts'

/**
 * How a document is recognised among those of its patient. `key` is the uuid or id of the header, or else the digest of the canonical document;
 * `digest` tells whether it has changed; `mapVersion` says by which map the FHIR elements were derived.
 */
export type UploadKey = {
  readonly schema: string
  readonly key: string
  /** The vendor's own id for the record, if the header has one. */
  readonly record?: string
  /**
   * The digest of what was measured, when and by what device, whatever else the header says; absent if it is not said when. `start`: in ms since
   * 1970.
   */
  readonly measurement?: { readonly start: number; readonly digest: string }
  /** When its source last changed it, in ms since 1970. */
  readonly revised?: number
  readonly digest: string
  readonly mapVersion: number
}

type Around = { readonly device: unknown; readonly start: number | undefined; readonly now: number }

/** The same measurement has the same key whatever the version of its schema. Throws FhirError for numbers like `1e400`. */
export const uploadKeyOf = function* (
  document: OmhDocument,
  classKey: string,
  { device, start, now }: Around,
): Steps<UploadKey> {
  const header = document.plain.header ?? {}
  const id = asText(header.uuid ?? header.id) ?? ''
  const { digest, named, measured } = yield* digestsOf(document, {
    named: id === '' ? openDigest(`${classKey}\n`) : undefined,
    measured: openDigest(`${classKey}|[${canonicalize(sourcesIn(header))},${canonicalize(device ?? null)},[`),
  })
  const revised = revisedAt(header, now)
  const record = recordOf(header, device)
  return {
    schema: classKey,
    key: named ?? id.toLowerCase(),
    ...(record === undefined ? {} : { record }),
    ...(start === undefined ? {} : { measurement: { start, digest: measured } }),
    ...(revised === undefined ? {} : { revised }),
    digest,
    mapVersion,
  }
}

/** Two digests that have begun. Both continue with the document in the canonical JSON of RFC 8785, which has no Infinity. */
type Begun = { readonly named: Digest | undefined; readonly measured: Digest }

const digestsOf = function* ({ plain, expression }: OmhDocument, { named, measured }: Begun) {
  const digest = openDigest('')
  let before = ''
  try {
    for (const { text, body } of canonicalPieces(plain)) {
      digest.add(text)
      named?.add(text)
      if (body === undefined) continue
      const moved = atMoments(body.value)
      measured.add(`${before}${moved === body.value ? text : canonicalize(moved)}`)
      before = ','
      yield
    }
  } catch (cause) {
    throw cause instanceof RangeError
      ? nestedTooDeep(expression)
      : unacceptable('number-too-large', 'the document has a number that is too large', expression)
  }
  measured.add(']]')
  return { digest: digest.end(), named: named?.end(), measured: measured.end() }
}

type Piece = { readonly text: string; readonly body?: { readonly value: unknown } }

/** The canonical text of the whole document, in pieces, with one for each body. */
const canonicalPieces = function* ({ whole, bodies, form }: OmhDocument['plain']): Generator<Piece, void> {
  if (form === 'bare') return yield pieceOf(whole)
  const record = asRecord(whole) ?? {}
  let before = '{'
  for (const name of Object.keys(record).sort()) {
    yield { text: `${before}${canonicalize(name)}:` }
    before = ','
    if (name !== 'body') yield { text: canonicalize(record[name]) }
    else if (form === 'point') yield pieceOf(record.body)
    else yield* listPieces(bodies)
  }
  yield { text: '}' }
}

const listPieces = function* (bodies: readonly unknown[]): Generator<Piece, void> {
  let before = '['
  for (const body of bodies) {
    yield { text: before }
    before = ','
    yield pieceOf(body)
  }
  yield { text: bodies.length === 0 ? '[]' : ']' }
}

const pieceOf = (value: unknown): Piece => ({ text: canonicalize(value), body: { value } })

/** The SHA-256 of a text that comes in pieces, in hex. */
type Digest = { readonly add: (piece: string) => void; readonly end: () => string }

const openDigest = (begin: string): Digest => {
  let text = begin
  let sum: Hash | undefined
  return {
    add: piece => {
      text += piece
      if (text.length < mostGathered) return
      sum ??= createHash('sha256')
      sum.update(text)
      text = ''
    },
    // For a short text, this takes half the time.
    end: () => (sum === undefined ? hash('sha256', text) : sum.update(text).digest('hex')),
  }
}

const mostGathered = 65_536

/** The times as moments: a travelling phone sends the same measurement with the offset of wherever it is. */
const atMoments = (body: unknown): unknown => {
  const frame = asRecord(asRecord(body)?.effective_time_frame)
  if (frame === undefined || isUsual(frame.date_time)) return body
  const interval = asRecord(frame.time_interval)
  const moments = { ...withMoments(frame), ...(interval && { time_interval: withMoments(interval) }) }
  return { ...asRecord(body), effective_time_frame: moments }
}

/** Fast, since a long series has many of them. */
const isUsual = (text: unknown): boolean =>
  typeof text === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(?!000)\d{3})?Z$/.test(text)

const withMoments = (frame: JsonRecord): JsonRecord =>
  Object.fromEntries(
    Object.entries(frame).map(([name, value]) => [name, /(^|_)date_time$/.test(name) ? momentIn(value) : value]),
  )

/** Times finer than a millisecond stay as they are. */
const momentIn = (value: unknown): unknown => {
  const text = toDateTime(value) ?? ''
  const moment = Date.parse(text)
  return Number.isNaN(moment) || /\.\d{4}/.test(text) ? value : new Date(moment).toISOString().replace('.000Z', 'Z')
}

/** For everything that JSON can express, exactly the bytes of RFC 8785. */
const canonicalize = (value: unknown): string => stringify(value) ?? ''
const stringify = configure({ strict: true })

/** Vendors number records each for themselves, so an id is only unique together with its vendor. */
const recordOf = (header: JsonRecord, device: unknown): string | undefined => {
  const id = asText(provenanceOf(header).source_data_point_id ?? header.source_data_point_id)
  if (id === undefined || id === '') return undefined
  const sources = sourcesIn(header)
  return canonicalize([sources.length > 0 ? sources : (device ?? null), id])
}

const provenanceOf = (header: JsonRecord): JsonRecord => asRecord(header.acquisition_provenance) ?? {}

const sourcesIn = (header: JsonRecord): readonly string[] => {
  const datasheets = asList(header.external_datasheets).map(one => asRecord(one)?.datasheet_reference)
  return [provenanceOf(header).source_name, ...datasheets.sort()].flatMap(name => asText(name) ?? [])
}

/**
 * Of two contents of one document, the newer is used. Only some say when they were changed; then, something derived from a change is later than
 * that. A time in the future is from a wrong clock, and would keep out every correction until then.
 */
const revisedAt = (header: JsonRecord, now: number): number | undefined => {
  const { source_last_modification_date_time: ofSource, source_creation_date_time: created } = provenanceOf(header)
  const times = [
    ofSource ?? header.source_last_modification_date_time,
    header.creation_date_time,
    created ?? header.source_creation_date_time,
  ]
  const [first = Number.NaN] = times.flatMap(time => toDateTime(time) ?? []).map(instantOf)
  return first <= now + clockSkewMs ? first : undefined
}
