import type { Parameters, ParametersParameter, Resource } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { decimalText, isObject } from '../fhir/json.ts'
import { parseReference } from '../fhir/reference.ts'
import type { Registry } from '../fhir/registry.ts'
import { requireValid } from '../fhir/validate/validate.ts'
import type { FhirResponse, SystemRequest } from '../interactions/interaction.ts'
import { refusal } from '../search/refusal.ts'
import { isPresentationName } from '../search/result-parameter.ts'
import { parseWholeNumber } from '../search/written-value.ts'
import { type ParameterType, type ParameterTypes, requireType, type Taken } from './parameter-type.ts'

/**
 * The parameters of an operation, by name: the query of a GET, or the primitive values of a posted Parameters, which have to be of their types;
 * `others` is the type of all parameters that have no name there. `_format` and `_pretty` are left out, since they are for whoever sends the answer.
 * https://hl7.org/fhir/R4/operations.html#request
 */
export const primitivesOf = (request: SystemRequest, types: ParameterTypes, others?: ParameterType): URLSearchParams =>
  new URLSearchParams(
    [...primitivesWithPresentation(request, types, others)].filter(([name]) => !isPresentationName(name)),
  )

/** The same for an operation that has others besides these, which can only be posted. Those that it has no use for are refused. */
export const primitivesAmong = (
  request: SystemRequest,
  operation: string,
  { primitives, complex = [] }: Taken,
): URLSearchParams => {
  const parameter = parametersOf(request.body).filter(({ name = '' }) => !complex.includes(name))
  const given = primitivesOf({ ...request, body: { resourceType: 'Parameters', parameter } }, primitives)
  const names = Object.keys(primitives)
  requireKnown(operation, given, names, [...names, ...complex])
  return given
}

/** The same as `primitivesOf` with `_format` and `_pretty`, for an operation whose answer has links that repeat them. */
export const primitivesWithPresentation = (
  { query, body }: SystemRequest,
  types: ParameterTypes,
  others?: ParameterType,
): URLSearchParams => {
  const given = new URLSearchParams(query)
  const typeOf = new Map<string, ParameterType>([...presentation, ...Object.entries(types)])
  for (const parameter of parametersOf(body)) {
    const { name = '' } = parameter
    const type = typeOf.get(name) ?? others
    if (type !== undefined) requireType(parameter, type)
    given.append(name, textOf(parameter))
  }
  return given
}

const presentation = [
  ['_format', 'text'],
  ['_pretty', 'boolean'],
] as const

/** The parameters of a posted Parameters resource; none if there is no body. */
export const parametersOf = (body: unknown): readonly ParametersParameter[] => {
  if (body === undefined) return []
  if (typeof body !== 'object' || body === null || !('resourceType' in body) || body.resourceType !== 'Parameters')
    throw new FhirError('structure', 'The body of an operation is a Parameters resource', {
      expression: 'resourceType',
    })
  const { parameter = [] } = body as Parameters
  if (!Array.isArray(parameter) || !parameter.every(isNamed))
    throw new FhirError('structure', 'Parameters.parameter is a list of objects with a name each', {
      expression: 'Parameters.parameter',
    })
  return parameter
}

/** Throws FhirError with all that is wrong with a posted Parameters, apart from the resources in it: an operation that takes one validates it. */
export const requireValidParameters = (body: unknown, registry: Registry): void => {
  if (!isObject(body) || body.resourceType !== 'Parameters') return
  const { parameter, ...rest } = body
  if (!Array.isArray(parameter)) return void requireValid(registry, body)
  const judged = parameter.map(one => (isObject(one) && one.resource !== undefined ? { ...one, resource: any } : one))
  requireValid(registry, judged.length === 0 ? rest : { ...rest, parameter: judged })
}

const any = { resourceType: 'Parameters' }

const isNamed = (parameter: unknown): boolean =>
  typeof parameter === 'object' && parameter !== null && 'name' in parameter && typeof parameter.name === 'string'

/** The answer of an operation. If it is nothing, there is no array, since FHIR's JSON has no empty ones. https://hl7.org/fhir/R4/parameters.html */
export const parametersResponse = (parameter: readonly ParametersParameter[]): FhirResponse => ({
  status: 200,
  body: {
    kind: 'text',
    text: JSON.stringify({ resourceType: 'Parameters', ...(parameter.length === 0 ? {} : { parameter }) }),
  },
})

/** Refuses parameters that the operation does not know, and names the documented ones: the others of these can only be posted. */
export const requireKnown = (
  operation: string,
  given: URLSearchParams,
  known: readonly string[],
  documented: readonly string[] = known,
): void => {
  const unknown = [...given.keys()].find(name => !known.includes(name))
  if (unknown === undefined) return
  if (documented.includes(unknown))
    throw refusal(unknown, `"${unknown}" is no primitive value: post it in a Parameters`)
  const has = documented.length === 0 ? 'it has none' : `it has: ${documented.join(', ')}`
  throw refusal(unknown, `$${operation} has no parameter "${unknown}"; ${has}`)
}

/** A parameter that may be given at most once. */
export const only = (given: URLSearchParams, name: string): string | undefined => {
  const [value, ...others] = given.getAll(name)
  if (others.length > 0) throw refusal(name, `"${name}" is given more than once`)
  return value
}

/** The refusal of a period that ends before it begins. */
export const endBeforeStart = (): FhirError => refusal('end', 'end lies before start')

/** The values of one type that were posted under a name. Throws FhirError if there is one of another type. */
export const valuesOf = <Key extends keyof ParametersParameter>(
  body: unknown,
  name: string,
  key: Key,
): readonly NonNullable<ParametersParameter[Key]>[] =>
  parametersOf(body)
    .filter(one => one.name === name)
    .map(({ [key]: value }) => {
      if (value !== undefined) return value
      throw refusal(`Parameters.parameter('${name}')`, `"${name}" takes a ${key} here`)
    })

/** The resource that was posted under a name, which may be given at most once. */
export const onlyResource = (body: unknown, name: string): Resource | undefined => {
  const [resource, ...others] = valuesOf(body, name, 'resource')
  if (others.length > 0) throw refusal(name, `"${name}" is given more than once`)
  return resource
}

/** How many are wanted; `most` is the limit, and `usual` the number if none is given. */
export const atMost = (given: URLSearchParams, name: string, most: number, usual = most): number => {
  const text = only(given, name)
  if (text === undefined) return usual
  return parseWholeNumber(name, text, { least: 1, most })
}

/** The id of the Patient that `subject` names, perhaps by its whole address at `base`: "Reference can be to an absolute URL". */
export const patientOf = (subject: string | undefined, base: string): string => {
  const parsed =
    subject === undefined ? undefined : parseReference(subject.includes('/') ? subject : `Patient/${subject}`, base)
  if (parsed !== undefined && 'type' in parsed && parsed.type === 'Patient') return parsed.id
  throw refusal('subject', 'subject is one Patient, as in Patient/123')
}

const textOf = (parameter: ParametersParameter): string => {
  const [[, value] = []] = Object.entries(parameter).filter(([key]) => key.startsWith('value'))
  const text = typeof value === 'string' || typeof value === 'boolean' ? String(value) : decimalText(value)
  if (text !== undefined) return text
  throw refusal(`Parameters.parameter('${parameter.name}')`, `"${parameter.name}" takes a primitive value here`)
}
