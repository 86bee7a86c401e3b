/** Whether two numbers of JSON, given as text, have the same value, as 1.10, 1.1 and 11e-1 do. */
export const isSameDecimal = (one: string, other: string): boolean => one === other || normal(one) === normal(other)

/** The significant digits and the power of ten, of whatever size. */
const normal = (text: string): string => {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/(?<!0)0+$/, '')
  if (significant === '') return '0'
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length)
  return `${sign}${significant}e${power}`
}
