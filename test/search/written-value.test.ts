import t from 'tap'
import { FhirError } from '../../src/fhir/error.ts'
import { booleanIn, intervalIn, parseBoolean, parseWholeNumber, wholeNumberIn } from '../../src/search/written-value.ts'

const orRefusal = (read: () => unknown): unknown => {
  try {
    return read()
  } catch (error) {
    if (error instanceof FhirError) return `${error.status} ${error.issues[0].expression}: ${error.message}`
    throw error
  }
}

t.test('a whole number has only digits, and lies between its bounds', t => {
  const bounds = { least: 1, most: 5000 }
  for (const [text, expected] of [
    ['1', 1],
    ['5000', 5000],
    ['007', 7],
    ['0', undefined],
    ['5001', undefined],
    ['', undefined],
    [' 1', undefined],
    ['+1', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['1'.repeat(400), undefined],
  ] as const)
    t.equal(wholeNumberIn(text, bounds), expected, `"${text}"`)
  const refused = '400 _count: _count is a whole number from 1 to 5000, not "many"'
  t.equal(
    orRefusal(() => parseWholeNumber('_count', 'many', bounds)),
    refused,
  )
  t.end()
})

t.test('more than the cap can be asked for, and counts as the cap', t => {
  const read = (text: string) =>
    orRefusal(() => parseWholeNumber('_count', text, { least: 0, most: 99_999, cap: 1000 }))
  t.strictSame([read('0'), read('1000'), read('1001'), read('99999')], [0, 1000, 1000, 1000])
  t.equal(read('100000'), '400 _count: _count is a whole number from 0 to 1000, not "100000"')
  t.end()
})

t.test('a boolean is one of two words', t => {
  t.strictSame(['true', 'false', 'TRUE', '1', ''].map(booleanIn), [true, false, undefined, undefined, undefined])
  t.equal(parseBoolean('include', 'true'), true)
  t.equal(
    orRefusal(() => parseBoolean('include', 'yes')),
    '400 include: include is true or false, not "yes"',
  )
  t.end()
})

t.test('the plus of an offset may come as a blank', t => {
  const early = { low: '2026-02-28T23:00:00.000Z', high: '2026-02-28T23:00:01.000Z' }
  for (const offset of ['+01:00', ' 01:00']) t.strictSame(intervalIn(`2026-03-01T00:00:00${offset}`), early, offset)
  for (const text of ['2026-03-01 00:00:00', '2026-03-01T00:00:00  01:00', 'soon', ''])
    t.equal(intervalIn(text), undefined, `"${text}"`)
  t.end()
})
