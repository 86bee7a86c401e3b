import type { Prefix } from './value.ts'

/** A number as it is searched for: plain decimal text, low included, high not. */
export type DecimalRange = { readonly value: string; readonly low: string; readonly high: string }

/**
 * The number and the range that its written precision implies: 100 → [99.5, 100.5), 5.40 → [5.395, 5.405).
 * `ap` widens it to ten percent of the value on both sides. Undefined where the text is no number.
 * https://hl7.org/fhir/R4/search.html#number
 */
export const rangeOf = (prefix: Prefix, text: string): DecimalRange | undefined => {
  const written = parseDecimal(text)
  if (written === undefined) return undefined
  const half = { digits: 5n, scale: written.precision + 1 }
  const tenth = { digits: magnitude(written.digits), scale: written.scale + 1 }
  const margin = prefix === 'ap' ? larger(half, tenth) : half
  return {
    value: toText(written),
    low: toText(add(written, { ...margin, digits: -margin.digits })),
    high: toText(add(written, margin)),
  }
}

/** digits × 10^-scale, exactly. */
type Decimal = { readonly digits: bigint; readonly scale: number }

/** `precision` is the number of decimal places that were written; negative: tens, hundreds … */
type Written = Decimal & { readonly precision: number }

const pattern = /^(-?)(\d{1,100})(?:\.(\d{1,100}))?(?:[eE]([+-]?\d{1,3}))?$/

const parseDecimal = (text: string): Written | undefined => {
  const [, sign, whole, fraction = '', exponent] = pattern.exec(text) ?? []
  if (sign === undefined || whole === undefined) return undefined
  const places = fraction.length - Number(exponent ?? 0)
  const digits = BigInt(`${sign}${whole}${fraction}`)
  const decimal = places < 0 ? { digits: digits * 10n ** BigInt(-places), scale: 0 } : { digits, scale: places }
  // The specification reads 1e2 as [95, 105): a coefficient without a fraction counts as written with one place more.
  return { ...decimal, precision: exponent !== undefined && fraction === '' ? places + 1 : places }
}

const add = (one: Decimal, other: Decimal): Decimal => {
  const scale = Math.max(one.scale, other.scale, 0)
  return { digits: digitsAt(scale, one) + digitsAt(scale, other), scale }
}

const larger = (one: Decimal, other: Decimal): Decimal => {
  const scale = Math.max(one.scale, other.scale, 0)
  return digitsAt(scale, one) > digitsAt(scale, other) ? one : other
}

const digitsAt = (scale: number, decimal: Decimal): bigint => decimal.digits * 10n ** BigInt(scale - decimal.scale)

const magnitude = (digits: bigint): bigint => (digits < 0n ? -digits : digits)

const toText = ({ digits, scale }: Decimal): string => {
  const padded = magnitude(digits)
    .toString()
    .padStart(scale + 1, '0')
  const point = padded.length - scale
  const text = scale === 0 ? padded : `${padded.slice(0, point)}.${padded.slice(point)}`
  return digits < 0n ? `-${text}` : text
}
