import type { OperationOutcomeIssue } from '@medplum/fhirtypes'

/**
 * FHIR issue code → HTTP status. Everything thrown on purpose carries one of these codes.
 * https://hl7.org/fhir/R4/valueset-issue-type.html
 */
const statusByCode = {
  invalid: 400,
  structure: 400,
  required: 422,
  value: 422,
  invariant: 422,
  'code-invalid': 422,
  extension: 422,
  'business-rule': 422,
  processing: 422,
  'not-supported': 405,
  login: 401,
  expired: 401,
  forbidden: 403,
  suppressed: 403,
  'not-found': 404,
  deleted: 410,
  conflict: 409,
  duplicate: 409,
  'multiple-matches': 412,
  'too-long': 413,
  'too-costly': 403,
  throttled: 429,
  timeout: 503,
  transient: 503,
  incomplete: 503,
  exception: 500,
} as const

export type IssueCode = keyof typeof statusByCode

/** One thing that is wrong, as FHIR says it: `expression` names the element (or the request parameter). */
export type Issue = {
  readonly code: IssueCode
  readonly message: string
  readonly expression?: string
  readonly severity?: 'error' | 'warning' | 'information'
  /** The rule that was broken, for programs. */
  readonly details?: { readonly system: string; readonly code: string }
  /** JSON pointer to the place in a document, for those who take care of refused documents here. */
  readonly pointer?: string
}

type Options = {
  /** Only if FHIR itself departs from the table: a failed If-Match is `conflict` with 412. */
  readonly status?: number
  readonly expression?: string
  readonly cause?: unknown
  /** The SMART scope without which it is forbidden. */
  readonly scope?: string
}

/** The one class of errors that are part of the interface; anything else thrown is a fault, answered 500. */
export class FhirError extends Error {
  readonly status: number
  readonly issues: readonly [Issue, ...Issue[]]
  readonly scope: string | undefined

  constructor(code: IssueCode, message: string, options: Options = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'FhirError'
    const { expression, scope } = options
    this.scope = scope
    this.issues = [expression === undefined ? { code, message } : { code, message, expression }]
    this.status = options.status ?? statusByCode[code]
  }

  /** All that a validation found, as one error. Its status is that of the first issue that is an error. */
  static of(issues: readonly [Issue, ...Issue[]], options: { readonly status?: number } = {}): FhirError {
    const [first] = issues
    const error = new FhirError(first.code, first.message, options)
    Object.defineProperty(error, 'issues', { value: issues, enumerable: true })
    return error
  }
}

/** An issue as an element of an OperationOutcome, the only form in which it leaves the server. */
export const toOutcomeIssue = ({
  code,
  message,
  expression,
  severity = 'error',
  details,
}: Issue): OperationOutcomeIssue => ({
  severity,
  code: code as OperationOutcomeIssue['code'],
  ...(details === undefined ? {} : { details: { coding: [details] } }),
  diagnostics: quotable(message),
  ...(expression === undefined ? {} : { expression: [quotable(expression)] }),
})

/**
 * A message says what is wrong before it quotes what was sent, and after that what would be accepted. So both ends are kept: nobody is sent a
 * megabyte back, or has to search in it.
 */
const quotable = (text: string): string =>
  text.length <= mostSaid ? text : `${text.slice(0, 1500)} … ${text.slice(1503 - mostSaid)}`.toWellFormed()

/** How many characters an issue's text, or the name of its element, may have. */
export const mostSaid = 4000

/** What is found; undefined if it is refused, whatever the reason. A fault is thrown. */
export const unlessRefused = async <T>(run: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await run()
  } catch (error) {
    if (error instanceof FhirError && error.status < 500) return undefined
    throw error
  }
}

/** What is made, or the FhirError that refuses it. A fault is thrown. */
export const orRefusal = <T>(make: () => T): T | FhirError => {
  try {
    return make()
  } catch (error) {
    if (error instanceof FhirError) return error
    throw error
  }
}
