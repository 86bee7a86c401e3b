import { FhirError, type Issue } from '../../fhir/error.ts'

/** Does the work of one entry. An error that it throws on purpose gets the place of the entry in the Bundle. */
export const atEntry = <T>(index: number, run: () => T): T => {
  try {
    return run()
  } catch (error) {
    throw inEntry(index, error)
  }
}

/** https://hl7.org/fhir/R4/http.html#transaction: "the server returns a single OperationOutcome". */
export const inEntry = (index: number, error: unknown): unknown => {
  if (!(error instanceof FhirError)) return error
  const [first, ...others] = error.issues
  return FhirError.of([located(first, index), ...others.map(issue => located(issue, index))], { status: error.status })
}

/** The same for a promise: `.catch(thrownAt(index))`. */
export const thrownAt =
  (index: number) =>
  (error: unknown): never => {
    throw inEntry(index, error)
  }

const located = (issue: Issue, index: number): Issue => ({
  ...issue,
  expression: `Bundle.entry[${index}]${within(issue.expression ?? '')}`,
})

/** `Observation.code` is in the entry's resource, `request.url` and `fullUrl` in the entry itself. */
const within = (expression: string): string => {
  if (/^(request|fullUrl)\b/.test(expression)) return `.${expression}`
  const path = /^[A-Z][A-Za-z]*((?:[.[].*)?)$/.exec(expression)?.[1]
  return path === undefined ? '' : `.resource${path}`
}
