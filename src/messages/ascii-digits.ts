/** The same text with the digits 0 to 9 for those of any script: keyboards write their own, such as ٣ or ３. */
export const withAsciiDigits = (text: string): string =>
  text.normalize('NFKC').replace(/\p{Nd}/gu, digit => String(numberOf(digit.codePointAt(0) ?? 0)))

/** The digits of a script are ten in a row. */
const numberOf = (point: number): number => (isDigit(point - 1) ? numberOf(point - 1) + 1 : 0)

const isDigit = (point: number): boolean => /\p{Nd}/u.test(String.fromCodePoint(point))
