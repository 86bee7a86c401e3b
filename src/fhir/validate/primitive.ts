/** The formats of the primitive types. https://hl7.org/fhir/R4/datatypes.html#primitive */

import type { Structures } from '../definition/structure.ts'
import { decimalText, isNumber } from '../json.ts'

/** Says what would be right if a value of the type is wrong; undefined if it is right. */
export type Format = (value: unknown) => string | undefined

/** Undefined if the type is no primitive. */
export const formatOf = (structures: Structures, type: string): Format | undefined => {
  const known = formats[type]
  if (known !== undefined) return known
  const structure = structures.get(type)
  if (structure?.kind !== 'primitive-type') return undefined
  return matching(new RegExp(`^(?:${structure.pattern ?? '.+'})$`, 'su'), samples[type] ?? type)
}

const string: Format = value => {
  if (typeof value !== 'string') return 'a string'
  if (value === '') return 'text: an element without a value is left out'
  return controlCharacter.test(value) || !value.isWellFormed() ? 'text without control characters' : undefined
}

/** "Note that strings SHALL NOT exceed 1MB (1024*1024 characters) in size" */
const limited: Format = value =>
  typeof value === 'string' && value.length > longestString
    ? `text of at most ${longestString} characters`
    : string(value)

/** In characters, for a string or markdown. */
export const longestString = 1024 * 1024

const boolean: Format = value => (typeof value === 'boolean' ? undefined : 'true or false, without quotes')

const decimal: Format = value => {
  if (!isNumber(value)) return 'a number, without quotes'
  return typeof value === 'number' || isStorable(decimalText(value) ?? '')
    ? undefined
    : 'a number of at most 1000 digits'
}

/** `1e100000` is short, and has more digits than a database takes. */
const isStorable = (text: string): boolean =>
  text.length <= mostDigits && Math.abs(Number(/e(.*)/is.exec(text)?.[1] ?? 0)) <= mostDigits
const mostDigits = 1000

const integer =
  (lowest: number, expected: string): Format =>
  value => {
    const text = decimalText(value)
    if (text === undefined || !wholeNumber.test(text)) return expected
    return Number(text) < lowest || Number(text) > largestInteger ? expected : undefined
  }

const matching =
  (pattern: RegExp, expected: string): Format =>
  value =>
    typeof value === 'string' && pattern.test(value) ? undefined : expected

const ofCalendar = (pattern: RegExp, expected: string): Format => {
  const matches = matching(pattern, expected)
  return value =>
    matches(value) ?? (isOnCalendar(value as string) ? undefined : `${expected}; the month has no such day`)
}

/** Only the 29th to 31st can be missing in a month. */
const isOnCalendar = (text: string): boolean => {
  const day = Number(text.slice(8, 10))
  return day < 29 || day <= new Date(Date.UTC(Number(text.slice(0, 4)) + 400, Number(text.slice(5, 7)), 0)).getUTCDate()
}

/** White space is allowed anywhere, as e-mail and many libraries insert it; R4's own pattern allows it only between groups of four. */
const base64Binary: Format = value => {
  if (typeof value !== 'string' || !base64.test(value)) return base64Words
  const characters = whiteSpace.test(value) ? value.replace(allWhiteSpace, '').length : value.length
  return characters > 0 && characters % 4 === 0 ? undefined : base64Words
}

const base64Words = 'base64 text (A-Z a-z 0-9 + / with = at the end)'
const base64 = /^[0-9a-zA-Z+/\s]*(?:=\s*){0,2}$/
const whiteSpace = /\s/
const allWhiteSpace = /\s+/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: "Strings SHALL NOT contain Unicode character points below 32, except for u0009, u000D and u000A"
const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/
/** R4 has `\S`, which allows what no database or URI takes: control characters and halves of surrogate pairs. */
const unbroken = /^[^\s\p{Cc}\p{Cs}]+$/u
const words = /^[^\s\p{Cc}\p{Cs}]+(?:\s[^\s\p{Cc}\p{Cs}]+)*$/u
const wholeNumber = /^-?(?:0|[1-9]\d*)$/
const largestInteger = 2_147_483_647

const year = '(?!0000)\\d{4}'
const month = '(?:0[1-9]|1[0-2])'
const day = '(?:0[1-9]|[12]\\d|3[01])'
const time = '(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d+)?'
const zone = '(?:Z|[+-](?:(?:0\\d|1[0-3]):[0-5]\\d|14:00))'

/** Types for which the pattern of the definition is not enough, or that every write needs. */
const formats: Readonly<Record<string, Format>> = {
  boolean,
  decimal,
  integer: integer(-largestInteger - 1, 'a whole number of 32 bits'),
  unsignedInt: integer(0, 'a whole number of 32 bits, not below 0'),
  positiveInt: integer(1, 'a whole number of 32 bits, above 0'),
  string: limited,
  markdown: limited,
  xhtml: string,
  base64Binary,
  uri: matching(unbroken, 'a URI, without white space'),
  url: matching(unbroken, 'a URL, without white space'),
  canonical: matching(unbroken, 'a canonical URL, without white space'),
  code: matching(words, 'a code: words with one space between'),
  id: matching(/^[A-Za-z0-9\-.]{1,64}$/, 'an id: 1 to 64 of A-Z a-z 0-9 - .'),
  date: ofCalendar(new RegExp(`^${year}(?:-${month}(?:-${day})?)?$`), 'a date: YYYY, YYYY-MM or YYYY-MM-DD'),
  dateTime: ofCalendar(
    new RegExp(`^${year}(?:-${month}(?:-${day}(?:T${time}${zone})?)?)?$`),
    'a dateTime: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz',
  ),
  instant: ofCalendar(
    new RegExp(`^${year}-${month}-${day}T${time}${zone}$`),
    'an instant: YYYY-MM-DDThh:mm:ss.sss+zz:zz',
  ),
}

/** Texts for the other types, whose pattern is taken from their definition. */
const samples: Readonly<Record<string, string>> = {
  time: 'a time: hh:mm:ss',
  oid: 'an OID: urn:oid:1.2.3',
  uuid: 'a UUID in lower case: urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
}
