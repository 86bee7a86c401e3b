import { createRequire } from 'node:module'
import { type Decimal, toDecimal } from './decimal.ts'
import type { Amount } from './number.ts'

export const ucum = 'http://unitsofmeasure.org'

type Conversion = { readonly status: string; readonly toVal: number | null }
type Library = {
  readonly UcumLhcUtils: {
    readonly getInstance: () => { readonly convertUnitTo: (from: string, amount: number, to: string) => Conversion }
  }
}

// The library has no type declarations.
const units = (createRequire(import.meta.url)('@lhncbc/ucum-lhc') as Library).UcumLhcUtils.getInstance()

/** Whether an amount in one unit of UCUM is the same as one in the other. */
export const isConvertible = (from: string, to: string): boolean =>
  units.convertUnitTo(from, 1, to).status === 'succeeded'

export const inUnit = ({ low, high }: Amount, from: string, to: string): Amount => ({
  low: low && { ...low, at: convert(low.at, from, to) },
  high: high && { ...high, at: convert(high.at, from, to) },
})

const convert = ({ digits, exponent }: Decimal, from: string, to: string): Decimal => {
  const converted = toDecimal(String(convertNumber(Number(`${digits}e${exponent}`), from, to)))
  if (converted === undefined) throw new Error(`${from} is not ${to}`)
  return converted
}

/** The library calculates with binary fractions: digits after the twelfth are noise. */
export const convertNumber = (amount: number, from: string, to: string): number =>
  Number(Number(units.convertUnitTo(from, amount, to).toVal).toPrecision(12))
