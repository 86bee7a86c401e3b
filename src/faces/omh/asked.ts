import { systems } from '../../fhir/canonical.ts'
import { intervalOf } from '../../fhir/date.ts'
import { refusal } from '../../search/refusal.ts'
import { wholeNumberIn, withPlus } from '../../search/written-value.ts'

/** Which data points are asked for. */
export type DataPointsAsked = {
  /** The search of Observations: all of the kind, in any version and spelling. */
  readonly search: URLSearchParams
  readonly schema:
    | { readonly namespace: string; readonly name: string; readonly version: string | undefined }
    | undefined
  readonly skip: number
  /** Undefined for the usual number. */
  readonly limit: number | undefined
}

const mostSkipped = 10_000
export const mostListed = 1000

/** Throws FhirError that says what is wrong with a parameter. */
export const parseAsked = (query: URLSearchParams): DataPointsAsked => {
  for (const name of query.keys()) {
    if (!names.has(name)) throw refusal(name, `${name} is no parameter here; accepted: ${[...names].join(', ')}`)
    if (query.getAll(name).length > 1) throw refusal(name, `${name} is given once`)
  }
  const schema = schemaIn(query)
  const search = new URLSearchParams()
  if (schema !== undefined) search.set('code', `${systems.omh}|${schema.namespace}:${schema.name}`)
  for (const [name, prefix] of [
    ['created_on_or_after', 'ge'],
    ['created_before', 'lt'],
  ] as const) {
    const instant = instantIn(query, name)
    if (instant !== undefined) search.append('_lastUpdated', `${prefix}${instant}`)
  }
  const patient = query.get('patient')
  if (patient !== null) search.set('patient', patient)
  const skip = numberIn(query, 'skip', 0, mostSkipped, 'the header Link of an answer leads further')
  const limit = numberIn(query, 'limit', 1, mostListed, 'ask in parts, or for lines')
  return { search, schema, skip: skip ?? 0, limit }
}

const names: ReadonlySet<string> = new Set([
  ...['schema_namespace', 'schema_name', 'schema_version', 'created_on_or_after', 'created_before'],
  ...['skip', 'limit', 'patient'],
])

const schemaIn = (query: URLSearchParams): DataPointsAsked['schema'] => {
  const [namespace, name, version] = ['namespace', 'name', 'version'].map(part => partIn(query, `schema_${part}`))
  if (namespace !== undefined && name !== undefined) return { namespace, name, version }
  if (namespace === undefined && name === undefined && version === undefined) return undefined
  const missing = namespace === undefined ? 'schema_namespace' : 'schema_name'
  throw refusal(missing, 'schema_namespace and schema_name stand together, schema_version with both')
}

const partIn = (query: URLSearchParams, name: string): string | undefined => {
  const text = query.get(name) ?? undefined
  if (text === undefined || /^[\w.-]+$/.test(text)) return text
  throw refusal(name, `${name} takes what stands in schema_id, such as omh, blood-pressure and 4.0`)
}

const instantIn = (query: URLSearchParams, name: string): string | undefined => {
  const given = query.get(name) ?? undefined
  const text = given && withPlus(given)
  if (text === undefined || (instant.test(text) && intervalOf(text) !== undefined)) return text
  throw refusal(name, `${name} takes an instant that exists, with its zone, such as 2026-03-01T00:00:00Z`)
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/

const numberIn = (query: URLSearchParams, name: string, least: number, most: number, instead: string) => {
  const text = query.get(name)
  if (text === null) return undefined
  const number = wholeNumberIn(text, { least, most })
  if (number !== undefined) return number
  throw refusal(name, `${name} is a number from ${least} to ${most}: ${instead}`)
}
