import { decimalText, isObject } from '../json.ts'
import { isSameDecimal } from './same-decimal.ts'

/** Compares like a `test` of JSON Patch. "Numbers: are considered equal if their values are numerically equal." */
export const isSame = (one: unknown, other: unknown): boolean => {
  if (one === other) return true
  const [text, otherText] = [decimalText(one), decimalText(other)]
  if (text !== undefined && otherText !== undefined) return isSameDecimal(text, otherText)
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => isSame(item, other[index]))
  }
  if (!isObject(one) || !isObject(other)) return false
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every(name => Object.hasOwn(other, name) && isSame(one[name], other[name]))
  )
}
