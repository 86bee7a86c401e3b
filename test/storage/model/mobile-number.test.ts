import fc from 'fast-check'
import {
  getCountries,
  getCountryCallingCode,
  getExampleNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'
import t from 'tap'
import { mobileExample, mobileText, spellingsOfMobile, toMobile } from '../../../src/storage/model/mobile-number.ts'

t.test('a phone number is the same however it is written', async t => {
  for (const text of ['+447700900123', '0044 7700 900123', '+44 (7700) 900-123', '+44.7700.900123'])
    t.equal(toMobile(text), '+447700900123', text)
})

t.test('a number that was copied from a phone or a document is read', async t => {
  const copied = [
    '\u202a+44 7700 900123\u202c',
    '\u200e+44\u00a07700\u2011900123',
    '+44–7700–900123',
    '＋４４７７００９００１２３',
  ]
  for (const text of [...copied, '\u202a+44 (0)7700‑900123\u202c']) t.equal(toMobile(text), '+447700900123', text)
})

t.test('a zero that is dialled only within the country is left out after the country code', async t => {
  const british = ['+44 (0)7700 900123', '+44(0) 7700 900123', '0044 (0)7700 900123', ' +44 ( 0 ) 7700-900123']
  for (const text of [...british, '+44 07700 900123', '+44 (07700) 900123'])
    t.equal(toMobile(text), '+447700900123', text)
  for (const text of ['+41 079 123 45 67', '+410791234567', '0041 (079) 123 45 67'])
    t.equal(toMobile(text), '+41791234567', text)
  t.equal(toMobile('+1 (500) 555-0006'), '+15005550006', 'a zero in other brackets stays')
  t.equal(toMobile('+225 01 23 45 67 89'), '+2250123456789', 'and so does one with which numbers begin there')
  t.equal(toMobile('+39 (0) 347 123 4567'), '+393471234567', 'of which one in brackets is none')
})

t.test('a Mexican number is the same with the 1 that it had until 2019', async t => {
  for (const text of ['+52 1 55 1234 5678', '0052 1 55 1234 5678', '+5215512345678', '+52 55 1234 5678'])
    t.equal(toMobile(text), '+525512345678', text)
  t.ok(spellingsOfMobile('+52 55 1234 5678', undefined).includes('+5215512345678'), 'by which records are found, too')
  t.equal(toMobile('+52 1 55 1234 567'), undefined, 'while one that lacks a digit is none')
})

t.test('a number without its country is not a number', async t => {
  for (const text of ['07700 900123', '(0)7700 900123', '7700900123', '', '+', '+0 7700 900123', '011 44 7700 900123'])
    t.equal(toMobile(text), undefined, text)
})

t.test('a text that no number can be is not a number', async t => {
  const wrong = {
    'too short': '+41 79 123 45 6',
    'too short, with the zero that is dialled within the country': '+41 079 123 45 6',
    'with a zero that is dialled in other countries': '+1 0500 555 000',
    'too long': '+41 79 123 45 67 8',
    'as long as a landline': '+44 7700 90012',
    'shorter than others with its beginning': '+49 151 123 456 7',
    'of no country': '+999 79 123 45 67',
    'with an extension': '+1 500 555 0006 ext 3',
    'with letters': '+1 500 FLOWERS',
    'two of them': '+41 79 123 45 67 / +41 79 123 45 68',
    'dialled from Australia': '0011 64 21 123 456',
    'with a 1 too many': '+1 1 642 112 3456',
    endless: `+41${'7'.repeat(10_000)}`,
  }
  for (const [why, text] of Object.entries(wrong)) t.equal(toMobile(text), undefined, why)
})

t.test('a number of a range that no table knows yet is a number', async t => {
  t.equal(toMobile('+41 70 123 45 67'), '+41701234567')
  t.equal(toMobile('+44 7700 900123'), '+447700900123')
  t.equal(toMobile('+49 160 123456 7'), '+491601234567', 'and one of a length that only some have is in the tables')
})

t.test('in the country of the installation a number is read as it is dialled there', async t => {
  for (const text of ['079 123 45 67', '0791234567', '(079) 123-45-67', '41791234567', '+41 79 123 45 67'])
    t.equal(toMobile(text, 'CH'), '+41791234567', text)
  t.equal(toMobile('(650) 253-0000', 'US'), '+16502530000')
  t.equal(toMobile('+44 7700 900123', 'CH'), '+447700900123', 'that of another country says so')
  t.equal(toMobile('0044 7700 900123', 'US'), '+447700900123', 'with the zeros that most countries dial for it, too')
  for (const text of ['079 123 45 6', '07700 900123', '447700900123', '1 500 555 0006'])
    t.equal(toMobile(text, 'CH'), undefined, `no number there: ${text}`)
})

t.test('a date is no number, though in some countries it has as many digits as one', async t => {
  const days = [
    ...['2026-02-30', '2026-02-03', '2026/2/3', ' 1970-05-31 ', '2026‑02‑30', '2026 - 02 - 30'],
    ...['30.02.2026', '31.5.1970', '31. 5. 1970', '31/05/1970', '05/31/1970', '31-05-1970'],
  ]
  for (const text of days) {
    const read = getCountries().filter(country => country !== 'HT' && toMobile(text, country) !== undefined)
    t.same(read, [], text)
    t.equal(mobileText(text, 'DK'), text)
  }
  t.equal(toMobile('31-10-2012', 'HT'), '+50931102012', 'where numbers are written so, it is one')
  for (const text of ['20260230', '20 26 02 30', '2026 0230', '2026-0230', '20-26-02-30', '+45 2026-02-30'])
    t.equal(toMobile(text, 'DK'), '+4520260230', text)
  t.equal(toMobile('2026-13-30', 'DK'), '+4520261330', 'no month')
})

const numbers = getCountries().flatMap(country => getExampleNumber(country, examples) ?? [])
const number = fc.constantFrom(...numbers)
const gap = fc.constantFrom('', ' ', '-', '.', '/', '\u00a0', ' - ')

t.test('a number is the same with anything that people write between its digits', async t => {
  fc.assert(
    fc.property(number, fc.array(gap, { minLength: 20, maxLength: 20 }), (one, gaps) => {
      const text = [...one.number].map((digit, index) => `${digit}${gaps[index] ?? ''}`).join('')
      return toMobile(text) === one.number && toMobile(text.replace('+', '00')) === one.number
    }),
  )
  t.equal(numbers.length, getCountries().length, 'of each country')
})

t.test('a number is read in its country as it is written there, whatever stands between its groups', async t => {
  for (const one of numbers)
    for (const separator of [' ', '-', '.', '/', ' - ']) {
      const text = one.formatNational().replace(/[\s-]+/g, separator)
      const isRead = toMobile(one.formatNational(), one.country) !== undefined
      if (isRead) t.equal(toMobile(text, one.country), toMobile(one.formatNational(), one.country), text)
    }
})

t.test('a number is found again by what is shown of it', async t => {
  for (const one of numbers) t.equal(toMobile(mobileText(one.number)), one.number)
  t.equal(mobileText('+41791234567'), '+41 79 123 45 67')
  t.equal(mobileText('ask the ward'), 'ask the ward')
})

t.test('of no country does the way in which numbers are dialled there become another number abroad', async t => {
  for (const one of numbers) {
    const dialled = one.formatNational()
    const slip = toMobile(`+${one.countryCallingCode} ${dialled}`)
    t.ok(slip === one.number || slip === undefined, `+${one.countryCallingCode} ${dialled}: ${slip}`)
  }
})

t.test('of no country does it become another number if a digit is missing as well', async t => {
  for (const one of numbers) {
    const dialled = one.formatNational().replace(/\D/g, '')
    if (dialled === one.nationalNumber) continue
    const slip = toMobile(`+${one.countryCallingCode}${dialled.slice(0, -1)}`)
    // The tables of some countries have shorter numbers, too, and those of Russia have numbers that begin as others are dialled.
    t.ok(
      slip === undefined || parsePhoneNumberFromString(slip)?.isValid(),
      `+${one.countryCallingCode} ${dialled.slice(0, -1)}: ${slip}`,
    )
  }
})

t.test('each country is asked for with an example that is accepted', async t => {
  for (const country of getCountries()) {
    const { abroad, local } = mobileExample('', country)
    t.match(toMobile(abroad), new RegExp(`^\\+${getCountryCallingCode(country)}`), `${country}: ${abroad}`)
    if (country !== 'US') continue
    t.equal(toMobile(local, country), toMobile(abroad), `${country}: ${local}`)
  }
  t.equal(mobileExample('', undefined).abroad, '+1 500 555 0006')
  t.equal(mobileExample('+41 79 123', undefined).abroad, '+41 78 123 45 67', 'of the country that was meant')
  t.equal(mobileExample('0791', 'CH').local, '078 123 45 67')
})

t.test('records are searched for every way in which they may have the number', async t => {
  const e164 = '+41791234567'
  t.same(spellingsOfMobile('0041 79 123 45 67', undefined), [
    '0041 79 123 45 67',
    e164,
    '+41 79 123 45 67',
    '+410791234567',
  ])
  t.same(spellingsOfMobile('0791234567', 'CH'), ['0791234567', e164, '+41 79 123 45 67', '+410791234567'])
  t.same(spellingsOfMobile('ward', 'CH'), ['ward'])
})
