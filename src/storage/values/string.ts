import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { anyOf, plannedAnew, type SqlFragment, sql } from '../sql.ts'
import { elementText, someElement } from './element.ts'

type StringValue = Extract<Value, { kind: 'string' }>

const parts: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['family', 'given', 'prefix', 'suffix', 'text'],
  Address: ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'],
}

/** The parts of a datatype that a search for a string looks at; a primitive is its own only part. */
export const partsOf = (datatype: string): readonly (string | undefined)[] => parts[datatype] ?? [undefined]

/** Some word begins with the text, regardless of case, accents, punctuation and repeated blanks. https://hl7.org/fhir/R4/search.html#string */
export const matchString = (content: SqlFragment, parameter: SearchParameter, value: StringValue): SqlFragment => {
  const holds = textTest(value)
  return someElement(content, parameter.paths, datatype =>
    partsOf(datatype).map(part => (part === undefined ? { holds } : { inside: `${part}[*]`, holds })),
  )
}

/** The same for one text, given as an expression of SQL. */
export const textTest = ({ text, match }: StringValue, of = elementText): SqlFragment => {
  if (match === 'exact') return sql.fragment`${of} = ${text}`
  if (match === 'contains') return sql.fragment`strpos(fhir_fold(${of}), ${fold(text)}) > 0`
  const forms = formsOf(text)
  return forms.includes('') ? sql.fragment`starts_with(fhir_fold(${of}), ${fold(text)})` : beginsWith(of, forms)
}

/** By datatype, where it has the text for people beside its code or reference. */
const texts: Readonly<Record<string, readonly string[]>> = {
  CodeableConcept: ['text', 'coding[*].display'],
  Coding: ['display'],
  Identifier: ['type.text'],
  Reference: ['display'],
}

/** https://hl7.org/fhir/R4/search.html#token, `:text`: "the search functions as a normal string search". For one of the texts. */
export const matchDisplay = (
  content: SqlFragment,
  parameter: SearchParameter,
  asked: readonly string[],
): SqlFragment => {
  const holds = anyTextTest(asked)
  return someElement(content, parameter.paths, datatype => (texts[datatype] ?? []).map(inside => ({ inside, holds })))
}

/** Hundreds of texts are asked of an element at once. What is nothing but punctuation is asked by itself. */
const anyTextTest = (asked: readonly string[]): SqlFragment => {
  const { words = [], signs = [] } = Object.groupBy(asked, text => (formsOf(text).includes('') ? 'signs' : 'words'))
  const forms = [...new Set(words.flatMap(formsOf))]
  return anyOf([
    ...(forms.length === 0 ? [] : [beginsWith(elementText, forms)]),
    ...signs.map(text => textTest({ kind: 'string', text })),
  ])
}

const beginsWith = (of: SqlFragment, forms: readonly string[]): SqlFragment =>
  sql.fragment`fhir_begins(${of}, ${sql.array([...forms], 'text')})`

/**
 * The prefix as bounds of a b-tree in "C" collation: everything from the text up to, not including, its successor. Undefined if the index cannot tell.
 * What a text contains is asked by LIKE, of which PostgreSQL can tell whether it is rare; signs that mean something to LIKE are punctuation.
 */
export const stringBounds = ({ text, match }: Pick<StringValue, 'text' | 'match'>): SqlFragment | undefined => {
  const [joined = '', ...parted] = formsOf(text)
  if (match === 'contains') {
    const isCut = sql.fragment`octet_length(value) >= ${longestWhole - 1}`
    const contains = sql.fragment`value LIKE ${`%${cut(joined, longestWhole)}%`}`
    return joined === '' ? undefined : sql.fragment`${plannedAnew} (${isCut} OR ${contains})`
  }
  if (joined === '') return fold(text) === '' ? undefined : sql.fragment`value = ''`
  const asked = match === undefined ? [joined, ...parted] : [joined]
  return anyOf(
    asked.map(form => {
      const start = cut(form, longestStart)
      return sql.fragment`(value >= ${start} AND value < ${`${start}\u{10FFFF}`})`
    }),
  )
}

/** The texts of an element, as they are in the index. */
export const stringsOf = (datatype: string, value: unknown): readonly string[] => {
  const names = parts[datatype]
  if (names === undefined) return typeof value === 'string' ? indexed(value) : []
  const fields = value as Readonly<Record<string, string | readonly string[] | undefined>>
  return names.flatMap(name => fields[name] ?? []).flatMap(text => (typeof text === 'string' ? indexed(text) : []))
}

/** In letters: a b-tree entry is limited, and beyond the limit the content decides. */
const longestWhole = 200
const longestStart = 40

/** The whole text, and the text from each further word on. Nothing stands for punctuation with which it begins. */
const indexed = (text: string): readonly string[] => {
  const [joined = '', ...parted] = formsOf(text).map(form => cut(form, longestWhole))
  const [beginning = ''] = formsOf(fold(text).slice(0, 1))
  const bare = beginning === '' ? [''] : []
  return [...new Set([joined, ...startsIn(joined), ...parted.flatMap(form => startsIn(` ${form}`)), ...bare])]
}

const startsIn = (form: string): readonly string[] =>
  [...form.matchAll(/ /g)].map(({ index }) => cut(form.slice(index + 1), longestStart))

/** Cuts a text after a number of letters, as PostgreSQL counts them. */
const cut = (text: string, longest: number): string =>
  text.length <= longest ? text : [...text.slice(0, 2 * longest)].slice(0, longest).join('')

/** A folded text, once without punctuation and once with a blank in its place, if that differs: `O'Brien` is `OBrien` and `O Brien`. */
const formsOf = (text: string): readonly string[] => {
  const folded = fold(text)
  return [...new Set(['', ' '].map(one => folded.replace(punctuation, one).replace(blanks, ' ').replace(/^ | $/g, '')))]
}

/** As in `fhir_unpunctuated` in the database. */
const punctuation =
  /[!"#%&'()*,./:;?@[\\\]_{}\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u055a-\u055f\u0589\u058a\u05be\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u3011\u3014-\u301f\u3030\u30fb\uff01-\uff03\uff05-\uff0a\uff0c-\uff0f\uff1a\uff1b\uff1f\uff20\uff3b-\uff3d\uff3f\uff5b\uff5d\uff5f-\uff65-]/g
const blanks = /[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g

/**
 * As `fhir_fold` in the database: what Unicode's case folding makes one, letters without their marks and without what cannot be seen, and an apostrophe
 * however it is typed or set. A sigma at the end of a word is the same letter.
 */
export const fold = (text: string): string =>
  text
    .normalize('NFD')
    .replace(unsounded, '')
    .toLowerCase()
    .replace(unfolded, letter => plain[letter] ?? "'")

/** Accents, and what cannot be seen: soft hyphens, marks of direction, joiners, variants. */
const unsounded =
  /[\u0300-\u036f]|[\u00ad\u061c\u180e\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\u180b-\u180d\u180f\ufe00-\ufe0f]/g

/** Letters with a stroke, letters that are written together, and other forms of a letter: NFD leaves them as they are. */
const plain: Readonly<Record<string, string>> = {
  ...{ ς: 'σ', ı: 'i', ſ: 's', µ: 'μ', ø: 'o', ł: 'l', đ: 'd', ð: 'd', ħ: 'h' },
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', þ: 'th', ĳ: 'ij', ﬀ: 'ff', ﬁ: 'fi', ﬂ: 'fl', ﬃ: 'ffi', ﬄ: 'ffl', ﬅ: 'st', ﬆ: 'st' },
}
const unfolded = new RegExp(`[${Object.keys(plain).join('')}\`´‘’ʻʼ′＇]`, 'g')
