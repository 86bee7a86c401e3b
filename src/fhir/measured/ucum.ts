import { createRequire } from 'node:module'
import { LRUCache } from 'lru-cache'
import { once } from '../once.ts'

/**
 * How a unit is converted exactly to the base units of its dimension: (x + shift) × numerator ÷ denominator. Two units can be compared if their
 * dimensions are the same. https://ucum.org/ucum#section-Semantics
 */
export type UcumUnit = {
  readonly dimension: string
  readonly numerator: string
  readonly denominator: string
  readonly shift: string
}

/**
 * Undefined if it is no UCUM code, and for units that are not converted so: logarithms ([pH], dB), and arbitrary units ([IU]), which equal only
 * themselves.
 */
export const ucumUnit = (code: string): UcumUnit | undefined => {
  if (code.length > longestCode) return undefined
  const unit = units.memo(code)
  return unit === 'none' ? undefined : unit
}

const units = new LRUCache<string, UcumUnit | 'none'>({ max: 2000, memoMethod: code => measure(code) ?? 'none' })

const measure = (code: string): UcumUnit | undefined => {
  const unit = find(code)
  if (unit === undefined || unit.isArbitrary_) return undefined
  const line = unit.cnv_ === null ? proportional(unit.magnitude_) : temperature(unit)
  if (line === undefined) return undefined
  const exponents = unit.dim_?.dimVec_ ?? []
  const dimension = [...exponents, unit.moleExp_ ?? 0, unit.equivalentExp_ ?? 0]
  return { dimension: dimension.join(' '), ...line }
}

const longestCode = 100

/** A text that the library recognises only by a name or a guess, and with a message, is no UCUM code; some texts make it throw. */
const find = (code: string): LibraryUnit | undefined => {
  try {
    const { unit, retMsg = [] } = library().getSpecifiedUnit(code, 'validate')
    return retMsg.length > 0 ? undefined : (unit ?? undefined)
  } catch {
    return undefined
  }
}

/** The few parts of the library's unit that are used here. */
type LibraryUnit = {
  readonly magnitude_: number
  readonly dim_: { readonly dimVec_: readonly number[] | null } | null
  readonly moleExp_?: number
  readonly equivalentExp_?: number
  readonly isArbitrary_: boolean
  readonly cnv_: string | null
  readonly cnvPfx_: number
}

type Library = {
  readonly getSpecifiedUnit: (
    code: string,
    purpose: 'validate',
  ) => { readonly unit: LibraryUnit | null; readonly retMsg?: readonly string[] }
}

/** Loaded when the first unit is looked up: it takes 30 ms and 16 MB. */
const library = once(() => {
  const require = createRequire(import.meta.url)
  return (require('@lhncbc/ucum-lhc') as LibraryModule).UcumLhcUtils.getInstance()
})

type LibraryModule = { readonly UcumLhcUtils: { readonly getInstance: () => Library } }

type Line = Omit<UcumUnit, 'dimension'>

const temperature = ({ cnv_, cnvPfx_ }: LibraryUnit): Line | undefined =>
  cnvPfx_ === 1 ? temperatures[cnv_ ?? ''] : undefined

/** Conversions to kelvin. */
const temperatures: Readonly<Record<string, Line>> = {
  Cel: { numerator: '1', denominator: '1', shift: '273.15' },
  degF: { numerator: '5', denominator: '9', shift: '459.67' },
}

/** Undefined for a unit that is too large or too small for a number: 10*1000000 is a code, but nothing is measured in it. */
const proportional = (magnitude: number): Line | undefined =>
  magnitude > smallest && magnitude < 1 / smallest ? { ...toRatio(magnitude), shift: '0' } : undefined

const smallest = 1e-200

type Ratio = { readonly numerator: string; readonly denominator: string }

/** The fraction that a floating point number stands for: 127/5000 for 0.0254000…02, and 1/60 for 0.0166…. */
const toRatio = (number: number): Ratio => {
  const [mantissa = '1', exponent = '0'] = number.toExponential(14).split('e')
  const digits = mantissa.replace('.', '').replace(/(?<!0)0+$/, '')
  if (digits.length <= shortest) return scaled(BigInt(digits), 1n, Number(exponent) - (digits.length - 1))
  const found = nearestFraction(Number(mantissa))
  if (found !== undefined) return scaled(found.numerator, found.denominator, Number(exponent))
  return scaled(BigInt(mantissa.replace('.', '')), 1n, Number(exponent) - 14)
}

/** Decimals with no more digits than this are taken to be exact. */
const shortest = 12

const scaled = (numerator: bigint, denominator: bigint, exponent: number): Ratio => {
  const power = 10n ** BigInt(Math.abs(exponent))
  const [over, under] = exponent < 0 ? [numerator, denominator * power] : [numerator * power, denominator]
  const common = greatestCommonDivisor(over, under)
  return { numerator: String(over / common), denominator: String(under / common) }
}

const greatestCommonDivisor = (one: bigint, other: bigint): bigint =>
  other === 0n ? one : greatestCommonDivisor(other, one % other)

/** The nearest fraction by continued fractions, as far as the precision of the number goes. */
const nearestFraction = (number: number): { numerator: bigint; denominator: bigint } | undefined => {
  let [numerator, before] = [1, 0]
  let [denominator, beforeDenominator] = [0, 1]
  for (let rest = number; ; rest = 1 / (rest - Math.floor(rest))) {
    const whole = Math.floor(rest)
    ;[numerator, before] = [whole * numerator + before, numerator]
    ;[denominator, beforeDenominator] = [whole * denominator + beforeDenominator, denominator]
    if (denominator > largestDenominator) return undefined
    if (Math.abs(numerator / denominator - number) <= number * precision)
      return { numerator: BigInt(numerator), denominator: BigInt(denominator) }
  }
}

const largestDenominator = 1e6
const precision = 4e-14
