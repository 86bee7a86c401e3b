import type { CodeSystem, Resource, ValueSet } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { isObject, parseJson } from '../fhir/json.ts'
import { parseUnder } from '../interactions/incoming/incoming.ts'
import type { Context, FhirRequest } from '../interactions/interaction.ts'
import { refusal } from '../search/refusal.ts'
import { only, onlyResource } from './parameters.ts'

/**
 * The request with its resource in Parameters, if that was posted as the body itself, which is allowed because the operation takes no other
 * resource. The other parameters are in the URL then. https://hl7.org/fhir/R4/operations.html#request
 */
export const inParameters = (request: FhirRequest): FhirRequest => {
  const { body } = request
  const name = isObject(body) && names.get(body.resourceType)
  return name ? { ...request, body: { resourceType: 'Parameters', parameter: [{ name, resource: body }] } } : request
}

const names: ReadonlyMap<unknown, string> = new Map([
  ['ValueSet', 'valueSet'],
  ['CodeSystem', 'codeSystem'],
])

/** The value set that an operation is about: the one of its path, the posted one, or the one with the `url`. */
export const askedValueSet = async (
  request: FhirRequest,
  given: URLSearchParams,
  context: Context,
): Promise<ValueSet> => {
  const ofPathOrBody = await givenDefinition(request, 'ValueSet', 'valueSet', context)
  if (ofPathOrBody !== undefined) return onlyMeant(ofPathOrBody as ValueSet, given, 'valueSetVersion')
  const canonical = canonicalOf(given, 'valueSetVersion', 'a valueSet')
  return known(await context.store.terminology.valueSet(canonical), `The value set ${canonical}`)
}

/** The same for a code system, for which the version is another parameter. */
export const askedCodeSystem = async (
  request: FhirRequest,
  given: URLSearchParams,
  context: Context,
): Promise<CodeSystem> => {
  const ofPathOrBody = await givenDefinition(request, 'CodeSystem', 'codeSystem', context)
  if (ofPathOrBody !== undefined) return onlyMeant(ofPathOrBody as CodeSystem, given, 'version')
  const canonical = canonicalOf(given, 'version', 'a codeSystem')
  return known(await context.store.terminology.codeSystem(canonical), `The code system ${canonical}`)
}

const givenDefinition = async (
  request: FhirRequest,
  type: 'ValueSet' | 'CodeSystem',
  name: string,
  context: Context,
): Promise<Resource | undefined> => {
  if ('id' in request) return parseJson((await context.store.read(type, request.id)).content) as Resource
  const posted = onlyResource(request.body, name)
  return posted === undefined ? undefined : (await parseUnder('strict', type, posted, context)).resource
}

/** The definition of the path or the body. A `url` or a version beside it is that of the same one: with another, two would be asked about. */
const onlyMeant = <Definition extends ValueSet | CodeSystem>(
  definition: Definition,
  given: URLSearchParams,
  versionName: string,
): Definition => {
  const [name, inUrl] = (only(given, 'url') ?? '').split('|')
  const version = only(given, versionName)
  const said = `the one that is asked about is ${definition.url ?? 'without a url'}, version ${definition.version ?? 'unknown'}`
  if (name !== '' && name !== definition.url) throw refusal('url', `url is "${name}", and ${said}`)
  if (inUrl !== undefined && inUrl !== definition.version)
    throw refusal('url', `url says version ${inUrl}, and ${said}`)
  if (version !== undefined && version !== definition.version)
    throw refusal(versionName, `${versionName} is "${version}", and ${said}`)
  return definition
}

const canonicalOf = (given: URLSearchParams, versionName: string, alternative: string): string => {
  const url = only(given, 'url')
  if (url === undefined || url === '') throw refusal('url', `Say which one is meant by its url, or post ${alternative}`)
  const version = only(given, versionName)
  const [, inUrl] = url.split('|')
  if (inUrl === undefined) return version === undefined ? url : `${url}|${version}`
  if (version === undefined || version === inUrl) return url
  throw refusal(versionName, `The url says version ${inUrl}, and ${versionName} says ${version}`)
}

const known = <Definition>(found: Definition | undefined, what: string): Definition => {
  if (found !== undefined) return found
  throw new FhirError('not-found', `${what} is not known here`)
}
