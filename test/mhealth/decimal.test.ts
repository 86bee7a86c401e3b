import t from 'tap'
import { factor, isSameNumber, minus, parseDecimal, printDecimal, times } from '../../src/mhealth/decimal.ts'

t.test('decimals are computed without rounding', t => {
  t.equal(printDecimal(minus(parseDecimal('310.15'), parseDecimal('273.15'))), '37.00')
  t.equal(printDecimal(minus(parseDecimal('0'), parseDecimal('273.15'))), '-273.15')
  t.equal(printDecimal(times(parseDecimal('1.82'), factor('100'))), '182')
  t.equal(printDecimal(times(parseDecimal('5'), factor('160934.4'))), '804672.0')
  t.equal(printDecimal(times(parseDecimal('1'), factor('1e-18'))), '0.000000000000000001')
  t.equal(printDecimal(parseDecimal('1.5e3')), '1500')
  t.equal(printDecimal(parseDecimal('1.5E-3')), '0.0015')
  t.end()
})

t.test('numbers are compared by their value', t => {
  t.ok(isSameNumber('1.10', '1.1'))
  t.ok(isSameNumber('1e2', '100'))
  t.notOk(isSameNumber('36.6', '36.60000000000001'))
  t.end()
})

t.test('an exponent that no measurement has is refused', t => {
  t.throws(() => parseDecimal('1e999999999'), { name: 'FhirError', status: 422 })
  t.throws(() => parseDecimal('1e-101'), { name: 'FhirError', status: 422 })
  t.strictSame(parseDecimal('-12e-100'), { digits: -12n, scale: 100 })
  t.end()
})

t.test('what is no number is refused', t => {
  for (const none of ['', 'x', '1x', '--1', '.'])
    t.throws(() => parseDecimal(none), { message: `${none} is no number` })
  t.end()
})
