/** digits × 10^exponent, exactly. */
export type Decimal = { readonly digits: bigint; readonly exponent: number }

/** Undefined if the text is not a number. */
export const toDecimal = (text: string): Decimal | undefined => {
  const found = /^([+-]?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)
  if (found === null) return undefined
  const [, whole = '', fraction = '', exponent = '0'] = found
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length }
}

/** Negative, zero or positive, if the first is smaller, equal or larger. */
export const compareDecimals = (one: Decimal, other: Decimal): number => {
  const exponent = Math.min(one.exponent, other.exponent)
  const [left, right] = [digitsAt(exponent, one), digitsAt(exponent, other)]
  if (left === right) return 0
  return left < right ? -1 : 1
}

export const add = (one: Decimal, other: Decimal): Decimal => {
  const exponent = Math.min(one.exponent, other.exponent)
  return { digits: digitsAt(exponent, one) + digitsAt(exponent, other), exponent }
}

export const negative = ({ digits, exponent }: Decimal): Decimal => ({ digits: -digits, exponent })

export const larger = (one: Decimal, other: Decimal): Decimal => (compareDecimals(one, other) < 0 ? other : one)

/** A tenth of the size, whatever the sign. */
export const tenthOf = ({ digits, exponent }: Decimal): Decimal => ({
  digits: digits < 0n ? -digits : digits,
  exponent: exponent - 1,
})

const digitsAt = (exponent: number, decimal: Decimal): bigint =>
  decimal.digits * 10n ** BigInt(decimal.exponent - exponent)
