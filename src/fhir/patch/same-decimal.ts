/** Whether two numbers of JSON, as text, have the same value: 1.10, 1.1 and 11e-1 have. */
export const isSameDecimal = (one: string, other: string): boolean => one === other || normal(one) === normal(other)

/** Significant digits and the power of ten behind them, whatever the size of either. */
const normal = (text: string): string => {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length)
  return `${sign}${significant}e${power}`
}
