import { type Interval, intervalOf } from '../fhir/date.ts'
import { refusal } from './refusal.ts'

// Whole numbers, booleans, dates and instants, as parameters write them that are no search parameters.

type Range = {
  readonly least: number
  readonly most: number
  /** A larger number, up to `most`, is taken for this one. */
  readonly cap?: number
}

/** Throws FhirError that says what is accepted. */
export const parseWholeNumber = (name: string, text: string, { least, most, cap = most }: Range): number => {
  const number = wholeNumberIn(text, { least, most })
  if (number !== undefined) return Math.min(number, cap)
  throw refusal(name, `${name} is a whole number from ${least} to ${cap}, not "${text}"`)
}

/** Undefined if it is no whole number in the range. */
export const wholeNumberIn = (text: string, { least, most }: Omit<Range, 'cap'>): number | undefined => {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  return number >= least && number <= most ? number : undefined
}

/** FHIR's largest integer, by which some clients mean everything; a parameter with a smaller limit is capped at that. */
export const mostAsked = 2_147_483_647

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

/** The interval that a date or instant means; undefined if it is neither. */
export const intervalIn = (text: string): Interval | undefined => intervalOf(withPlus(text))

/** An offset's `+` that was not percent-encoded arrives as a blank. */
export const withPlus = (text: string): string => text.replace(/ (?=\d\d:\d\d$)/, '+')
