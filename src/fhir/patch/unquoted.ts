import { FhirError, type Issue } from '../error.ts'

/**
 * Of what is wrong with a resource into which a patch copies or moves what is stored, keeps only the place and the rule. A message might quote
 * the value, which whoever sends the patch may not be allowed to read.
 */
export const unquoted = async <T>(run: () => T | Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    throw withoutQuotes(error)
  }
}

export const withoutQuotes = (error: unknown): unknown => {
  if (!(error instanceof FhirError) || error.status >= 500) return error
  const [first, ...others] = error.issues
  return FhirError.of([plain(first), ...others.map(plain)], { status: error.status })
}

const plain = ({ code, expression, severity, details }: Issue): Issue => ({
  code,
  message,
  ...(expression === undefined ? {} : { expression }),
  ...(severity === undefined ? {} : { severity }),
  ...(details === undefined ? {} : { details }),
})

const message =
  'What the patch makes of the resource is refused. As it copies or moves, no value is quoted: with "add" or "replace" it is said what is accepted'
