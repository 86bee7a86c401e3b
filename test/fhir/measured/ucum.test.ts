import t from 'tap'
import { ucumUnit } from '../../../src/fhir/measured/ucum.ts'

/** How many of `base` one of the unit is, and what is added to a value before. */
const inBase = (code: string, base: string) => {
  const [unit, one] = [ucumUnit(code), ucumUnit(base)]
  if (unit === undefined || one === undefined || unit.dimension !== one.dimension) return undefined
  const over = BigInt(unit.numerator) * BigInt(one.denominator)
  const under = BigInt(unit.denominator) * BigInt(one.numerator)
  const common = greatestCommonDivisor(over, under)
  return { ratio: `${over / common}/${under / common}`, shift: unit.shift }
}
const greatestCommonDivisor = (one: bigint, other: bigint): bigint =>
  other === 0n ? one : greatestCommonDivisor(other, one % other)

t.test('units are converted by exact fractions, as UCUM defines them', t => {
  for (const [code, base, ratio] of [
    ['kg', 'g', '1000/1'],
    ['[lb_av]', 'kg', '45359237/100000000'],
    ['[oz_av]', 'kg', '45359237/1600000000'],
    ['[stone_av]', '[lb_av]', '14/1'],
    ['[in_i]', 'cm', '127/50'],
    ['[ft_i]', '[in_i]', '12/1'],
    ['[mi_i]', 'm', '201168/125'],
    ['kPa', 'Pa', '1000/1'],
    ['mm[Hg]', 'Pa', '66661/500'],
    ['/min', 'Hz', '1/60'],
    ['wk', 'min', '10080/1'],
    ['{steps}/(24.h)', '/d', '1/1'],
    ['kcal', 'kJ', '523/125'],
    ['%', '1', '1/100'],
    ['10*3/uL', '10*9/L', '1/1'],
    ['mL/min', 'L/h', '3/50'],
    ['mmol/L', 'umol/L', '1000/1'],
    ['mg/dL', 'g/L', '1/100'],
    ['meq/L', 'eq/L', '1/1000'],
    ['pg', 'kg', `1/1${'0'.repeat(15)}`],
  ] as const)
    t.strictSame(inBase(code, base), { ratio, shift: '0' }, `${code} in ${base}`)
  t.end()
})

t.test('a temperature is converted from its own zero', t => {
  t.strictSame(inBase('Cel', 'K'), { ratio: '1/1', shift: '273.15' })
  t.strictSame(inBase('[degF]', 'K'), { ratio: '5/9', shift: '459.67' })
  t.equal(ucumUnit('mCel'), undefined, 'a thousandth of it would have another zero')
  t.end()
})

t.test('what is counted, weighed or charged is never the same dimension', t => {
  const dimensions = ['mmol/L', 'mg/dL', 'meq/L', '10*9/L', 'g', 'mmol', 'meq', 'm', 's', 'K', 'rad', 'cd', '%']
  t.equal(new Set(dimensions.map(code => ucumUnit(code)?.dimension)).size, dimensions.length)
  t.end()
})

t.test('a ratio that is no fraction has as many digits as the number had', t => {
  const { numerator, denominator } = ucumUnit('deg') ?? {}
  t.strictSame([numerator, denominator], ['174532925199433', `1${'0'.repeat(16)}`])
  t.end()
})

t.test('what is no code of UCUM, or is not converted in proportion, is no unit', t => {
  for (const none of ['', 'lb', 'steps', 'mmHg', '[IU]', '[IU]/L', '[pH]', 'dB', '10*1000000', '10*-1000000'])
    t.equal(ucumUnit(none), undefined, none)
  t.equal(ucumUnit('10*199')?.numerator, `1${'0'.repeat(199)}`)
  const long = (length: number) => `{${'x'.repeat(length - 2)}}`
  t.ok(ucumUnit(long(100)))
  t.equal(ucumUnit(long(101)), undefined, 'as it is too long')
  t.end()
})
