import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import { FhirError } from '../fhir/error.ts'

/** A parameter that cannot be answered as it was asked: 400, and the parameter is named. */
export const refusal = (name: string, message: string): FhirError =>
  new FhirError('invalid', message, { expression: name })

export const valueRefusal = (parameter: SearchParameter, text: string, accepted: string): FhirError =>
  refusal(
    parameter.code,
    `"${text}" is no value of the ${parameter.type} parameter "${parameter.code}"; accepted: ${accepted}`,
  )
