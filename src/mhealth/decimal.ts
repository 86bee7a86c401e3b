import { FhirError } from '../fhir/error.ts'
import { parseJson } from '../fhir/json.ts'

/** A decimal without rounding: `digits` × 10^-`scale`. */
export type Decimal = { readonly digits: bigint; readonly scale: number }

/** Throws if it is no number, or has an exponent that no measurement has: its digits would fill the memory. */
export const parseDecimal = (text: string): Decimal => {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  if (!isInReach(text)) throw new FhirError('value', `the exponent of ${text} is out of range`)
  const [whole = '', fraction = ''] = mantissa.split('.')
  if (!/^[-+]?\d+$/.test(whole + fraction)) throw new FhirError('value', `${text} is no number`)
  return { digits: BigInt(whole + fraction), scale: fraction.length - Number(exponent) }
}

/** Whether its exponent is one that a measurement has. */
export const isInReach = (text: string): boolean => Math.abs(Number(/e(.*)/is.exec(text)?.[1] ?? 0)) <= 100

/** A factor such as 100 counts as 1 × 10², so that it adds no digits that nobody measured. */
export const factor = (text: string): Decimal => {
  const { digits, scale } = parseDecimal(text)
  const zeros = /(?<!0)0*$/.exec(String(digits))?.[0].length ?? 0
  return { digits: digits / 10n ** BigInt(zeros), scale: scale - zeros }
}

export const times = (one: Decimal, other: Decimal): Decimal => ({
  digits: one.digits * other.digits,
  scale: one.scale + other.scale,
})

export const minus = (one: Decimal, other: Decimal): Decimal => {
  const scale = Math.max(one.scale, other.scale)
  return { digits: atScale(one, scale) - atScale(other, scale), scale }
}

/** Whether two decimal texts are the same number: 1.10 and 1.1 are. */
export const isSameNumber = (one: string, other: string): boolean =>
  one === other || minus(parseDecimal(one), parseDecimal(other)).digits === 0n

export const printDecimal = ({ digits, scale }: Decimal): string => {
  if (scale <= 0) return String(digits * 10n ** BigInt(-scale))
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0')
  return `${digits < 0n ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`
}

/** The decimal as a value of JSON that is written out with exactly these digits. */
export const toJsonNumber = (decimal: Decimal): unknown => parseJson(printDecimal(decimal))

const atScale = ({ digits, scale }: Decimal, to: number): bigint => digits * 10n ** BigInt(to - scale)
