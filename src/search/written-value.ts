import { type Interval, intervalOf } from '../fhir/date.ts'
import { refusal } from './refusal.ts'

/** How parameters that are no search parameters write a whole number, a boolean, and a date or an instant. */

type Range = {
  readonly least: number
  readonly most: number
  /** What is asked beyond it, up to `most`, is as much as this. */
  readonly cap?: number
}

/** Throws what would be accepted. */
export const parseWholeNumber = (name: string, text: string, { least, most, cap = most }: Range): number => {
  const number = wholeNumberIn(text, { least, most })
  if (number !== undefined) return Math.min(number, cap)
  throw refusal(name, `${name} is a whole number from ${least} to ${cap}, not "${text}"`)
}

/** Undefined where it is none of that many. */
export const wholeNumberIn = (text: string, { least, most }: Omit<Range, 'cap'>): number | undefined => {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  return number >= least && number <= most ? number : undefined
}

/** More than anybody means; what has a smaller limit takes it for that. */
export const mostAsked = 999_999_999

export const parseBoolean = (name: string, text: string): boolean => {
  const found = booleanIn(text)
  if (found !== undefined) return found
  throw refusal(name, `${name} is true or false, not "${text}"`)
}

export const booleanIn = (text: string): boolean | undefined => booleans.get(text)

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
])

/** All that it may mean; undefined where it is neither. */
export const intervalIn = (text: string): Interval | undefined => intervalOf(withPlus(text))

/** An offset's `+` that was not percent-encoded arrives as a blank. */
export const withPlus = (text: string): string => text.replace(/ (?=\d\d:\d\d$)/, '+')
