import {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  getExampleNumber,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'

/** The country whose numbers may be written without their country code; undefined if none may. */
export type PhoneCountry = CountryCode | undefined

/**
 * A number in E.164, whatever is written between its digits; undefined if none has as many digits in its country, or if it does not say its
 * country. A zero that is dialled only within the country, as in +44 (0)7700 900123 or +41 079 123 45 67, is left out.
 */
export const toMobile = (text: string, country?: PhoneCountry): string | undefined => readMobile(text, country)?.number

/** As people compare it with what they meant: +41 79 123 45 67. What is no number stays as it is written. */
export const mobileText = (text: string, country?: PhoneCountry): string =>
  readMobile(text, country)?.formatInternational() ?? text

/** How records may have the number: in E.164, in groups, and with the zero, or the 1 of Mexico, that an earlier version of this server kept. */
export const spellingsOfMobile = (text: string, country: PhoneCountry): readonly string[] => {
  const read = readMobile(text, country)
  if (read === undefined) return [text]
  const dialled = read.country === 'MX' ? `1${read.nationalNumber}` : read.formatNational().replace(/\D/g, '')
  return [text, read.number, read.formatInternational(), `+${read.countryCallingCode}${dialled}`]
}

/**
 * A number that says its country may be of a range that no table has yet: it is enough if it is as long as mobile numbers are there. One that does not is
 * in the tables, since it may be of another country than is assumed. https://github.com/google/libphonenumber/blob/master/FAQ.md#validation
 */
const readMobile = (text: string, country: PhoneCountry): PhoneNumber | undefined => {
  const plain = withoutMarks(text)
  if (!/^[\d\s()+./-]+$/.test(plain)) return undefined
  const abroad = plain.replace(/^\s*00/, '+').replace(/^(\s*\+[\d\s./-]*)\(\s*0\s*\)/, '$1')
  const digits = abroad.replace(/[^\d+]/g, '').replace(mexicanMobile, '+52')
  if (isLostAbroad(digits)) return undefined
  const read = parsePhoneNumberFromString(digits, { extract: false, ...(country && { defaultCountry: country }) })
  const isRead = read?.isValid() || (digits.startsWith('+') && read !== undefined && isAsLong(read))
  if (read === undefined || !isRead) return undefined
  return isDate(plain) && !isInGroupsOf(plain, read) ? undefined : read
}

/** In figures, whether or not there is such a day: 2026-02-30, 31.5.1970, 5/31/1970. In some countries numbers have as many digits. */
const isDate = (text: string): boolean => {
  const parts = /^(\d{1,4})\s*([-./])\s*(\d\d?)\s*\2\s*(\d{1,4})$/.exec(text.trim())
  if (parts === null) return false
  const [first = '', , second = '', third = ''] = parts.slice(1)
  const isYear = (part: string) => /^(?:19|20)\d\d$/.test(part)
  const isOfYear = (...rest: readonly string[]) => {
    const [least = 0, most = 0] = rest.map(Number).sort((one, other) => one - other)
    return rest.every(part => part.length <= 2) && least >= 1 && least <= 12 && most <= 31
  }
  return (isYear(first) && isOfYear(second, third)) || (isYear(third) && isOfYear(first, second))
}

/** A number may look like a date as it is written in its country: 31 10 2012 in Haiti. */
const isInGroupsOf = (text: string, read: PhoneNumber): boolean => groupsIn(text) === groupsIn(read.formatNational())

const groupsIn = (text: string): string => (text.match(/\d+/g) ?? []).join(' ')

/** Until 2019 mobile numbers in Mexico were called with a 1 from abroad, and address books still have it. */
const mexicanMobile = /^\+521(?=\d{10}$)/

/**
 * As a mobile number of the country: one digit less may be that of a landline. With a digit too few, what is dialled only within the country would take
 * the place of the missing one: +41 079 123 45 6.
 */
const isAsLong = (read: PhoneNumber): boolean =>
  read.getPossibleCountries().some(country => {
    const { nationalNumber } = read
    const example = getExampleNumber(country, examples)
    if (example?.nationalNumber.length !== nationalNumber.length) return false
    const before = example.formatNational().replace(/\D/g, '').slice(0, -nationalNumber.length)
    return ![before || '0', '0'].some(
      digits => nationalNumber.startsWith(digits) && !example.nationalNumber.startsWith(digits),
    )
  })

/** Phones put marks of direction around a number that is copied from them, and documents have hyphens that do not break. */
const withoutMarks = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Pd}/gu, '-')

/** No number of North America or Mexico begins with 1: this is a call abroad by 0011, as in Australia, or a 1 too many. */
const isLostAbroad = (digits: string): boolean => /^\+(?:1|52)1/.test(digits)

/** A number such as is accepted, of the country that the text names or else of the default one; `local` as it is dialled there. */
export const mobileExample = (
  text: string,
  country: PhoneCountry,
): { readonly abroad: string; readonly local: string } => {
  const example = getExampleNumber(countryMeant(text) ?? country ?? 'US', examples)
  // 500 555 is set aside for tests, and belongs to nobody.
  if (example === undefined || example.countryCallingCode === '1')
    return { abroad: '+1 500 555 0006', local: '(500) 555-0006' }
  return { abroad: example.formatInternational(), local: example.formatNational() }
}

/** Any of those that share a country code, if there are not enough digits to tell. */
const countryMeant = (text: string): PhoneCountry => {
  const read = parsePhoneNumberFromString(withoutMarks(text).replace(/^\s*00/, '+'), { extract: false })
  return read?.country ?? getCountries().find(one => getCountryCallingCode(one) === read?.countryCallingCode)
}
