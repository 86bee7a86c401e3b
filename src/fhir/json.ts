/** JSON that keeps the text of its decimals: 1.10 stays 1.10. https://hl7.org/fhir/R4/json.html#decimal */

import { parseText } from './escaped-name.ts'

/**
 * JSON.parse, but a number that JavaScript would write differently (`1.10`, `1e2`, more than 15 digits) becomes
 * JSON.rawJSON of its text, which JSON.stringify writes back as it was. Throws SyntaxError as JSON.parse does.
 */
export const parseJson = (text: string): unknown => parseText(text, mayLoseText(text) ? keepText : undefined)

/** The decimal as it was written; undefined if the value is no number. */
export const decimalText = (value: unknown): string | undefined => {
  if (typeof value === 'number') return String(value)
  return isRawNumber(value) ? value.rawJSON : undefined
}

/**
 * Text as it is, and anything else as its JSON. `String` throws for an object that has a `toString` of its own, and for a number that keeps its
 * text.
 */
export const jsonText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))

export const isNumber = (value: unknown): boolean => typeof value === 'number' || isRawNumber(value)

/** Whether it is an object of JSON: no list, and no number that keeps its text, which is an object to JavaScript. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isNumber(value)

/** The number as a JavaScript number; NaN if the value is no number. */
export const toNumber = (value: unknown): number => {
  if (typeof value === 'number') return value
  return isRawNumber(value) ? Number(value.rawJSON) : Number.NaN
}

type RawNumber = { readonly rawJSON: string }

// The typings of ES2024 do not know https://tc39.es/proposal-json-parse-with-source/ yet.
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON: (text: string) => RawNumber
  isRawJSON: (value: unknown) => boolean
}

/** A number of exactly this text. */
export const rawNumber = (text: string): unknown => rawJSON(text)

const isRawNumber = (value: unknown): value is RawNumber =>
  typeof value === 'object' && value !== null && isRawJSON(value)

/** Whether JSON.parse might read a number in it that JavaScript writes differently. */
export const mayLoseText = (text: string): boolean => lossyWithin.test(text) || lossyAlone.test(text)

/** A number with a trailing zero, an exponent, many zeros, a minus zero or many digits. JavaScript writes any other number back as it was. */
const lossy = String.raw`(?:\d+\.\d*0(?!\d)|[\d.]+[eE]|0\.0{6}|0(?![\d.])(?<=-0)|[\d.]{16})`

/**
 * Finds such a number in a place where JSON may have one. The quote before the colon keeps `urn:uuid:1e…` and times of day inside strings from
 * matching. It is tested last, so that most characters of a text are skipped quickly.
 */
const lossyWithin = new RegExp(String.raw`[:,[]\s*-?(?=\d)(?<=(?:[,[]|"\s*:)\s*-?)${lossy}`)
const lossyAlone = new RegExp(String.raw`^\s*-?${lossy}`)

const keepText = function (this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number') return value
  const source = context?.source
  return source === undefined || source === String(value) ? value : rawJSON(source)
}
