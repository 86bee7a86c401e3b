import fc from 'fast-check'
import t from 'tap'
import { rangeOf } from '../../src/search/decimal.ts'
import type { Prefix } from '../../src/search/value.ts'

const table: readonly (readonly [Prefix, string, string, string, string])[] = [
  ['eq', '100', '100', '99.5', '100.5'],
  ['eq', '100.00', '100.00', '99.995', '100.005'],
  ['eq', '5.40', '5.40', '5.395', '5.405'],
  ['eq', '1e2', '100', '95', '105'],
  ['eq', '1.5e3', '1500', '1450', '1550'],
  ['eq', '12E-3', '0.012', '0.01195', '0.01205'],
  ['eq', '0', '0', '-0.5', '0.5'],
  ['eq', '-5.40', '-5.40', '-5.405', '-5.395'],
  ['eq', '0.1', '0.1', '0.05', '0.15'],
  [
    'eq',
    '12345678901234567890.123',
    '12345678901234567890.123',
    '12345678901234567890.1225',
    '12345678901234567890.1235',
  ],
  ['ap', '100', '100', '90.0', '110.0'],
  ['ap', '-100', '-100', '-110.0', '-90.0'],
  ['ap', '1', '1', '0.5', '1.5'],
]

for (const [prefix, text, value, low, high] of table) {
  t.test(`${prefix} ${text} lies from ${low} to below ${high}`, async t => {
    t.same(rangeOf(prefix, text), { value, low, high })
  })
}

t.test('text that is not a number has no range', async t => {
  for (const text of ['', '-', '+1', '1.', '.5', '1e', 'e1', '0x1', '1,5', 'NaN', '1e9999', '1'.repeat(101)]) {
    t.equal(rangeOf('eq', text), undefined, text)
  }
})

const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), fc.integer({ min: 0, max: 9 }))
  .map(([digits, scale]) => toText(digits, scale))

const toText = (digits: bigint, scale: number): string => {
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0')
  const sign = digits < 0n ? '-' : ''
  return scale === 0 ? sign + text : `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`
}

/** As whole 10^-20ths, exactly. */
const scaled = (text: string): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(20, '0'))
}

t.test('a range is around its value, and as wide as its last digit', async () => {
  fc.assert(
    fc.property(decimal, text => {
      const range = rangeOf('eq', text)
      if (range === undefined) return false
      const places = text.split('.')[1]?.length ?? 0
      const [low, value, high] = [scaled(range.low), scaled(range.value), scaled(range.high)]
      return low < value && value < high && value - low === high - value && high - low === 10n ** BigInt(20 - places)
    }),
  )
})

t.test('what is equal is also approximate', async () => {
  fc.assert(
    fc.property(decimal, text => {
      const [exact, near] = [rangeOf('eq', text), rangeOf('ap', text)]
      if (exact === undefined || near === undefined) return false
      return scaled(near.low) <= scaled(exact.low) && scaled(near.high) >= scaled(exact.high)
    }),
  )
})

t.test('every other prefix leaves the range as it is', async () => {
  const prefix = fc.constantFrom<Prefix>('ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb')
  fc.assert(fc.property(decimal, prefix, (text, one) => rangeOf(one, text)?.low === rangeOf('eq', text)?.low))
})
