import { hash } from 'node:crypto'
import { configure } from 'safe-stable-stringify'
import { clockSkewMs, toDateTime } from './date-time.ts'
import type { OmhDocument } from './document.ts'
import { asList, asRecord, asText, type JsonRecord } from './json-tree.ts'
import { mapVersion } from './observation.ts'
import { unacceptable } from './unacceptable.ts'

/**
 * By what a document is known again within its patient. `key` is the header's uuid or id, else the digest of the canonical
 * document; `digest` tells same from changed; `mapVersion` says by which map the native face was derived.
 */
export type UploadKey = {
  readonly schema: string
  readonly key: string
  /** The vendor's own record of it, where the header names one. */
  readonly record?: string
  /** What was measured, when and by what, whatever the header calls it; absent where it is not said when. `start` in ms since 1970. */
  readonly measurement?: { readonly start: number; readonly text: string }
  /** When its source changed it last, in ms since 1970. */
  readonly revised?: number
  readonly digest: string
  readonly mapVersion: number
}

/** The same measurement keeps its key whatever the version of its schema; canonical JSON is that of RFC 8785, where Infinity is not. Throws for `1e400`. */
export const uploadKeyOf = (
  { plain, expression }: OmhDocument,
  classKey: string,
  { device, start, now }: { readonly device: unknown; readonly start: number | undefined; readonly now: number },
): UploadKey => {
  const canonical = canonicalOf(plain.whole, expression)
  const header = plain.header ?? {}
  const id = asText(header.uuid ?? header.id)
  const revised = revisedAt(header, now)
  const record = recordOf(header, device)
  const measured = canonicalize([sourcesIn(header), device ?? null, plain.bodies.map(atMoments)])
  return {
    schema: classKey,
    key: id === undefined || id === '' ? hash('sha256', `${classKey}\n${canonical}`) : id.toLowerCase(),
    ...(record === undefined ? {} : { record }),
    ...(start === undefined ? {} : { measurement: { start, text: measured } }),
    ...(revised === undefined ? {} : { revised }),
    digest: hash('sha256', canonical),
    mapVersion,
  }
}

/** A phone that travels tells what it has measured with the offset of where it is: the moment is the same. */
const atMoments = (body: unknown): unknown => {
  const frame = asRecord(asRecord(body)?.effective_time_frame)
  if (frame === undefined || isUsual(frame.date_time)) return body
  const interval = asRecord(frame.time_interval)
  const moments = { ...withMoments(frame), ...(interval && { time_interval: withMoments(interval) }) }
  return { ...asRecord(body), effective_time_frame: moments }
}

/** Of a long series, each of many. */
const isUsual = (text: unknown): boolean =>
  typeof text === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(?!000)\d{3})?Z$/.test(text)

const withMoments = (frame: JsonRecord): JsonRecord =>
  Object.fromEntries(
    Object.entries(frame).map(([name, value]) => [name, /(^|_)date_time$/.test(name) ? momentIn(value) : value]),
  )

/** What is told to less than a millisecond stays as it is. */
const momentIn = (value: unknown): unknown => {
  const text = toDateTime(value) ?? ''
  const moment = Date.parse(text)
  return Number.isNaN(moment) || /\.\d{4}/.test(text) ? value : new Date(moment).toISOString().replace('.000Z', 'Z')
}

/** Of all that JSON can say, to the byte what RFC 8785 has. */
const canonicalize = (value: unknown): string => stringify(value) ?? ''
const stringify = configure({ strict: true })

const canonicalOf = (whole: unknown, expression: string): string => {
  try {
    return canonicalize(whole)
  } catch (cause) {
    throw cause instanceof RangeError
      ? unacceptable('nested-too-deep', 'the document is nested too deeply', expression)
      : unacceptable('number-too-large', 'the document has a number that is too large', expression)
  }
}

/** Vendors count each for themselves: an id is one only together with whose it is. */
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
 * Of two contents of one document the newer counts. Only some say when they were changed; what is made of a change is made
 * later. A time that is yet to come is that of a wrong clock, and would keep every correction out until then.
 */
const revisedAt = (header: JsonRecord, now: number): number | undefined => {
  const { source_last_modification_date_time: ofSource, source_creation_date_time: created } = provenanceOf(header)
  const times = [
    ofSource ?? header.source_last_modification_date_time,
    header.creation_date_time,
    created ?? header.source_creation_date_time,
  ]
  const [first = Number.NaN] = times.flatMap(time => toDateTime(time) ?? []).map(time => Date.parse(time))
  return first <= now + clockSkewMs ? first : undefined
}
