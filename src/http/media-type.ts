import { FhirError } from '../fhir/error.ts'

/** The names under which FHIR's JSON is asked for and sent. https://hl7.org/fhir/R4/http.html#mime-type */
export const jsonTypes = ['application/fhir+json', 'application/json', 'application/json+fhir', 'text/json'] as const
export const formType = 'application/x-www-form-urlencoded'
export const answerType = 'application/fhir+json; charset=utf-8'

/** Throws 406 where JSON is not among what the client takes; `_format` overrides Accept. */
export const requireJsonAccepted = (accept: string | undefined, format: string | null): void => {
  const asked = format ?? accept ?? ''
  if (format === null ? isAccepted(asked) : isFormat(format)) return
  throw new FhirError('not-supported', `${asked} is not served here; ask for ${jsonTypes[0]}`, { status: 406 })
}

/** An unescaped `+` in a query string reads as a space. */
const isFormat = (format: string): boolean => format === 'json' || isJson(format.replaceAll(' ', '+'))

const isAccepted = (accept: string): boolean =>
  accept.trim() === '' || accept.split(',').some(range => isJson(range) && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(range))

/** https://hl7.org/fhir/R4/versioning.html#mt-version: another fhirVersion is another media type. */
const isJson = (range: string): boolean => {
  const [type = '', ...parameters] = range.split(';').map(part => part.trim().toLowerCase())
  const version = parameters.find(parameter => parameter.startsWith('fhirversion='))
  return ranges.has(type) && (version === undefined || /^fhirversion="?4\.0"?$/.test(version))
}

const ranges: ReadonlySet<string> = new Set([...jsonTypes, '*/*', 'application/*', 'text/*'])
