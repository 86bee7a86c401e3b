import { rawNumber } from './json.ts'
import { readJson } from './json-pieces.ts'

/**
 * JSON as PostgreSQL keeps it: numbers without exponents and minus zeros, and with all their digits. Only for JSON that has been validated:
 * 1e1000 becomes a thousand digits.
 */
export const withPlainNumbers = async (text: string): Promise<string> =>
  mayBeOtherwise.test(text) ? JSON.stringify((await readJson(text, { mostValues: Infinity, parse })).value) : text

const parse = (text: string): unknown => JSON.parse(text, plainNumber)

/** Finds such numbers in the text of JSON.stringify, which has no blanks. A match inside a string does no harm. */
const mayBeOtherwise = /[:,[]-?(?:[\d.]+[eE]|0(?![\d.])(?<=-0)|0\.0+(?!\d)(?<=-0\.0+))/

const plainNumber = (_key: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === 'number' && context?.source !== undefined ? rawNumber(plainText(context.source)) : value

const plainText = (source: string): string => {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(source) ?? []
  const point = whole.length + Number(exponent)
  const digits = `${'0'.repeat(Math.max(0, 1 - point))}${whole}${fraction}`.padEnd(point, '0')
  const left = digits.slice(0, Math.max(point, 1)).replace(/^0+(?=\d)/, '')
  const right = digits.slice(Math.max(point, 1))
  const number = right === '' ? left : `${left}.${right}`
  return /[1-9]/.test(number) ? `${sign}${number}` : number
}
