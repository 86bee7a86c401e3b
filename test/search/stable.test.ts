import fc from 'fast-check'
import t from 'tap'
import { FhirError } from '../../src/fhir/error.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { splitAt, unescapeText } from '../../src/search/escape.ts'
import { parseSearch } from '../../src/search/parse.ts'
import { prefixes, splitPrefix } from '../../src/search/prefix.ts'
import { print } from '../../src/search/print.ts'
import { selfQuery } from '../../src/search/search.ts'

const registry = loadRegistry()
const escapeText = (text: string): string => text.replace(/[\\,$|]/g, '\\$&')

const prefix = fc.constantFrom('', ...prefixes)
const text = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
const number = fc
  .tuple(fc.integer({ min: -999, max: 999 }), fc.constantFrom('', '.0', '.25'))
  .map(parts => parts.join(''))
const day = fc
  .date({ min: new Date('1900-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map(date => date.toISOString())
  .chain(iso => fc.constantFrom(iso.slice(0, 4), iso.slice(0, 7), iso.slice(0, 10), iso))

const condition = fc.oneof(
  fc.tuple(fc.constantFrom('code', 'category', 'patient.identifier', 'code:not'), text.map(escapeText)),
  fc.tuple(
    fc.constant('value-string'),
    fc.array(text.map(escapeText), { minLength: 1, maxLength: 3 }).map(all => all.join(',')),
  ),
  // An approximate date depends on the time of the search.
  fc.tuple(
    fc.constant('date'),
    fc
      .tuple(
        prefix.filter(one => one !== 'ap'),
        day,
      )
      .map(parts => parts.join('')),
  ),
  fc.tuple(
    fc.constant('value-quantity'),
    fc.tuple(prefix, number, fc.constantFrom('', '||mg')).map(parts => parts.join('')),
  ),
  fc.tuple(fc.constant('subject'), fc.constantFrom('1', 'Patient/1', 'Group/g.1', 'http://x.org/Patient/1')),
  fc.tuple(fc.constant('_count'), fc.nat({ max: 3000 }).map(String)),
)

const query = fc.uniqueArray(condition, { maxLength: 5, selector: ([name]) => name })

const parse = (entries: URLSearchParams) => parseSearch(registry, 'Observation', entries)

t.test('the self link of a search is the same search', async () => {
  fc.assert(
    fc.property(query, entries => {
      const first = parse(new URLSearchParams(entries))
      const again = parse(new URLSearchParams(selfQuery(first)))
      return (
        print(again.where) === print(first.where) &&
        again.count === first.count &&
        selfQuery(again) === selfQuery(first)
      )
    }),
  )
})

/** Pieces that mean something in a query, combined at random. */
const scrambled = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'code',
        'subject',
        'date',
        'value-quantity',
        '_has:',
        'Group',
        'member',
        '_id',
        '_sort',
        '__proto__',
      ),
      fc.constantFrom(':', '.', ',', '|', '$', '\\', '-', ':missing', 'Patient', 'ge', '1e2', '2026'),
      text,
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map(pieces => pieces.join(''))

t.test('any query is either understood or refused with 400', async () => {
  fc.assert(
    fc.property(scrambled, scrambled, (name, value) => {
      try {
        return print(parse(new URLSearchParams([[name, value]])).where) !== ''
      } catch (error) {
        return error instanceof FhirError && error.status === 400
      }
    }),
    { numRuns: 1000 },
  )
})

t.test('escaped text survives splitting at separators', async () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1 }), parts => {
      const cut = splitAt(',', parts.map(escapeText).join(',')).map(unescapeText)
      return cut.length === parts.length && cut.every((part, index) => part === parts[index])
    }),
  )
})

t.test('a prefix is split off once, and none means eq', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...prefixes), number, (one, amount) => {
      const cut = splitPrefix(`${one}${amount}`)
      return cut.prefix === one && cut.rest === amount && splitPrefix(amount).prefix === 'eq'
    }),
  )
})
