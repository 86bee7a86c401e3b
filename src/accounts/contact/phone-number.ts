import { hasInvisible } from './invisible.ts'

/** Whether people can dial it: digits, grouped in whatever way a country does, and perhaps an extension. It may be a short one within a house. */
export const isPhoneNumber = (text: string): boolean => {
  const told = text.trim()
  if (told.length > longest || hasInvisible(told)) return false
  const [, number, extension = ''] =
    /^(\+?[\p{Nd}\s()./\p{Pd}]+?)(?:[\s,;]*(?:ext\.?|extension|x|#)\s*(\p{Nd}+))?$/iu.exec(told) ?? []
  const digits = number?.match(/\p{Nd}/gu)?.length ?? 0
  return digits >= 3 && digits <= mostDigits && extension.length <= 8
}

/** In characters, with whatever groups the digits. Of a much longer text the pattern would take very long. */
const longest = 60

/** 15 of E.164, behind the three of an exit code such as 011, and a zero in parentheses. */
const mostDigits = 19
