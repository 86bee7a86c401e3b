import type { Found } from '../values.ts'
import { plainText } from './escape.ts'

/** https://hl7.org/fhir/R4/search.html#string */
export const matchString = (found: Found, text: string): boolean =>
  textsOf(found).some(one => beginsWord(one, plainText(text)))

/**
 * "a field matches a string query if the value of the field equals or starts with the supplied parameter value, after both have been normalized by
 * case"; accented letters count as plain ones, "punctuation and non-significant whitespace … should also be ignored", and "the server may also match
 * … on parts": each word among the first 200 letters begins one.
 */
export const beginsWord = (text: string, start: string): boolean => {
  const asked = waysToSay(start)
  if (asked.includes('')) return folded(text).startsWith(folded(start))
  return waysToSay(text).some(said =>
    asked.some(one => said.startsWith(one) || ` ${[...said].slice(0, 200).join('')}`.includes(` ${one}`)),
  )
}

/** Punctuation counts as nothing, or as a blank. */
const waysToSay = (text: string): readonly string[] =>
  ['', ' '].map(instead =>
    folded(text)
      .replaceAll(/[\p{P}`´ʻʼ]/gu, instead)
      .replaceAll(/\s+/g, ' ')
      .trim(),
  )

/** "includes the supplied parameter value anywhere within the field being searched" */
export const matchContains = (found: Found, text: string): boolean =>
  textsOf(found).some(one => folded(one).includes(folded(plainText(text))))

/** "exactly matches the supplied parameter (the whole string, including casing and accents)" */
export const matchExact = (found: Found, text: string): boolean => textsOf(found).includes(plainText(text))

/** By the capitals of a text, which Unicode's case folding takes for the same, as it does ß and SS. Letters with a stroke, and joined ones, are accented ones too. */
export const folded = (text: string): string =>
  text
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .toUpperCase()
    .replaceAll(/[ØŁĐÐĦÆŒÞĲ]/g, letter => joined[letter] ?? '')
    .toLowerCase()
    .replaceAll('ς', 'σ')

const joined: Readonly<Record<string, string>> = {
  ...{ Ø: 'O', Ł: 'L', Đ: 'D', Ð: 'D', Ħ: 'H', Æ: 'AE', Œ: 'OE', Þ: 'TH', Ĳ: 'IJ' },
}

/** "a server may search any of the string fields" of a name or an address: these are all searched. */
export const textsOf = ({ type, value }: Found): readonly string[] => {
  const names = parts[type]
  if (names === undefined) return typeof value === 'string' ? [value] : []
  const fields = value as Readonly<Record<string, string | readonly string[] | undefined>>
  return names.flatMap(name => fields[name] ?? [])
}

const parts: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['text', 'family', 'given', 'prefix', 'suffix'],
  Address: ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'],
}
