import { FhirError } from '../error.ts'

/** Throws where a change makes a resource larger than a body may be: few operations copy what is there a thousand times, and many add to it. */
export const refuseGrowth = (before: unknown, after: unknown): void => {
  const allowed = Math.max(mostLetters, lettersOf(before) + mostAdded)
  if (lettersOf(after) > allowed)
    throw new FhirError(
      'too-long',
      `The change makes the resource larger than this server takes: as JSON it may have about ${allowed} characters`,
    )
}

/** As many as a body has bytes, unless the operator has said otherwise. */
const mostLetters = 33_554_432

/** To one that is larger already. */
const mostAdded = 10_000

/** About as long as it is as JSON. */
const lettersOf = (value: unknown): number => {
  if (typeof value === 'string') return value.length + 3
  if (typeof value !== 'object' || value === null) return 6
  return Object.entries(value).reduce(
    (sum, [name, child]) => sum + (Array.isArray(value) ? 0 : name.length + 3) + lettersOf(child),
    2,
  )
}
