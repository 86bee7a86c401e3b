import { FhirError } from '../error.ts'

/**
 * Throws FhirError if a change makes a resource larger than a body may be. Few operations can copy what is there a thousand times, and many can
 * add to it.
 */
export const refuseGrowth = (before: unknown, after: unknown, mostLetters: number): void => {
  const had = lettersOf(before)
  const allowed = had > mostLetters ? had + mostAdded : mostLetters
  if (lettersOf(after) > allowed)
    throw new FhirError(
      'too-long',
      `The change makes the resource larger than this server takes: as JSON it may have about ${allowed} characters`,
    )
}

/** What may be added to a resource that is larger already. */
const mostAdded = 10_000

/** About its length as JSON. */
const lettersOf = (value: unknown): number => {
  if (typeof value === 'string') return value.length + 3
  if (typeof value !== 'object' || value === null) return 6
  let letters = 2
  if (Array.isArray(value)) for (const child of value) letters += lettersOf(child)
  else for (const [name, child] of Object.entries(value)) letters += name.length + 3 + lettersOf(child)
  return letters
}
