import type { ResourceType } from '@medplum/fhirtypes'
import { type Compartment, compartments } from '../fhir/definition/compartment.ts'
import { FhirError } from '../fhir/error.ts'
import { isObject } from '../fhir/json.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Interaction } from './interaction.ts'

/** The parts of a path, by their names in its shape. */
type Named = {
  readonly type?: ResourceType
  readonly compartment?: Compartment
  readonly id?: string
  readonly versionId?: string
}

export type Route = { readonly interaction: Interaction; readonly named: Named }

/** Finds the interaction that a method and a path below the base mean. Throws FhirError that says what of them is unknown. */
export const findRoute = (
  interactions: readonly Interaction[],
  registry: Registry,
  { method, path, body }: { readonly method: string; readonly path: string; readonly body?: unknown },
): Route => {
  const segments = segmentsOf(path)
  refuseDots(segments)
  const here = fitting(interactions, segments)
  const [first] = here
  if (first === undefined)
    throw new FhirError(
      'not-found',
      `There is nothing at ${shown(segments)}${elsewhere(interactions, segments)}${noId(registry, segments)}`,
    )
  const named = parseSegments(first.path, segments, registry)
  const sameMethod = here.filter(one => one.method === method)
  const [interaction] = sameMethod.length > 1 ? [byBundle(sameMethod, body)] : sameMethod
  if (interaction !== undefined) return { interaction, named }
  throw new FhirError(
    'not-supported',
    `${shown(segments)} answers ${methodsAt(interactions, path).join(', ')}, not ${method}`,
  )
}

/**
 * Whatever resolves a URL takes them for steps to another place (https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4), and as ids, as which FHIR
 * would have them, they would reach nothing.
 */
const refuseDots = (segments: readonly string[]): void => {
  const dots = segments.find(segment => segment === '.' || segment === '..')
  if (dots !== undefined)
    throw new FhirError(
      'invalid',
      `${shown(segments)} has ${dots} in it: a path begins at the base, as in /Patient/123`,
    )
}

/** The methods that a path answers, for Allow; empty if there is no such path. */
export const methodsAt = (interactions: readonly Interaction[], path: string): readonly string[] => {
  const segments = segmentsOf(path)
  return [...new Set(fitting(interactions, segments).map(one => one.method))]
}

/**
 * "URIs that differ in the replacement of an unreserved character with its corresponding percent-encoded US-ASCII octet are
 * equivalent": https://www.rfc-editor.org/rfc/rfc3986#section-2.3. So are `$` and `*` here. An encoded `/` is no separator.
 */
export const segmentsOf = (path: string): readonly string[] =>
  path
    .split('/')
    .filter(segment => segment !== '')
    .map(decoded)

const decoded = (segment: string): string => {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new FhirError('invalid', `What is percent-encoded in the path is not UTF-8: ${segment}`, { cause })
  }
}

/** The path as it is written in a URL, however it was spelled. */
const shown = (segments: readonly string[]): string =>
  `/${segments.map(segment => encodeURI(segment.toWellFormed()).replace(/[/?#]/g, encodeURIComponent)).join('/')}`

/** Says where an operation is that was called at the wrong level, or on the wrong type. */
const elsewhere = (interactions: readonly Interaction[], segments: readonly string[]): string => {
  const name = segments.at(-1)
  if (name === undefined || !name.startsWith('$')) return ''
  const places = interactions.flatMap(one =>
    one.name === 'operation' && shapeOf(one).at(-1) === name ? placesOf(one.types, shapeOf(one)) : [],
  )
  return places.length === 0
    ? operationsAt(interactions, segments)
    : `: ${name} is at ${[...new Set(places)].join(', ')}`
}

/** The operations that stand where one was looked for that does not exist. */
const operationsAt = (interactions: readonly Interaction[], segments: readonly string[]): string => {
  const names = interactions.flatMap(one => {
    const name = one.name === 'operation' ? (shapeOf(one).at(-1) ?? '') : ''
    return name.startsWith('$') &&
      shapeOf(one).length === segments.length &&
      fits(one, [...segments.slice(0, -1), name])
      ? [name]
      : []
  })
  return names.length === 0 ? '' : `: there are ${[...new Set(names)].sort().join(', ')}`
}

/** `Patient/a_b`: says that this is not an id. */
const noId = (registry: Registry, [type = '', id = '', history = '_history']: readonly string[]): string =>
  registry.isResourceType(type) && !/^[$_]|^$/.test(id) && history === '_history' && !isOf(':id', id)
    ? ': an id is 1 to 64 of A-Z a-z 0-9 - .'
    : ''

const placesOf = (types: 'all' | readonly string[], shape: readonly string[]): readonly string[] =>
  (types === 'all' ? ['[type]'] : types).map(type =>
    ['', ...shape.map(part => (part === ':type' ? type : part === ':id' ? '[id]' : part))].join('/'),
  )

/** A loop, for speed: each entry of a Bundle is compared with all interactions. */
const fitting = (interactions: readonly Interaction[], segments: readonly string[]): readonly Interaction[] => {
  const found: Interaction[] = []
  for (const one of interactions) if (shapeOf(one).length === segments.length && fits(one, segments)) found.push(one)
  return found
}

const fits = (interaction: Interaction, segments: readonly string[]): boolean => {
  const shape = shapeOf(interaction)
  if (interaction.name === 'operation' && !isFor(interaction.types, shape, segments)) return false
  return shape.every((part, index) => isOf(part, segments[index] ?? ''))
}

/** Taken apart only once, since each request is compared with all shapes. */
const shapeOf = (interaction: Interaction): readonly string[] => {
  const known = shapes.get(interaction)
  if (known !== undefined) return known
  const shape = segmentsOf(interaction.path)
  shapes.set(interaction, shape)
  return shape
}
const shapes = new WeakMap<Interaction, readonly string[]>()

/** An operation on a type that it is not defined for is no path at all. */
const isFor = (types: 'all' | readonly string[], shape: readonly string[], segments: readonly string[]): boolean =>
  types === 'all' || shape[0] !== ':type' || types.includes(segments[0] ?? '')

/** An id cannot start with `_` or `$`, so a search or an operation is never taken for one. */
const isOf = (part: string, segment: string): boolean => {
  if (part === ':type' || part === ':compartment') return /^[A-Za-z]+$/.test(segment)
  return part.startsWith(':') ? /^[A-Za-z0-9.-]{1,64}$/.test(segment) : part === segment
}

const parseSegments = (path: string, segments: readonly string[], registry: Registry): Named => {
  const entries = segmentsOf(path).flatMap((part, index) =>
    part.startsWith(':') ? [[part.slice(1), segments[index]]] : [],
  )
  const { type, compartment, ...rest }: { type?: string; compartment?: string } = Object.fromEntries(entries)
  return {
    ...(compartment === undefined ? {} : { compartment: parseCompartment(compartment, segments) }),
    ...(type === undefined ? {} : { type: parseType(type, registry) }),
    ...rest,
  }
}

const parseType = (name: string, registry: Registry): ResourceType => {
  if (registry.isResourceType(name)) return name
  const said = name === 'metadata' ? ': the CapabilityStatement is read there by GET, and in no Bundle' : ''
  throw new FhirError('not-found', `${name} is not a resource type of FHIR R4${said}`)
}

const parseCompartment = (name: string, segments: readonly string[]): Compartment => {
  const compartment = compartments.find(one => one === name)
  if (compartment !== undefined) return compartment
  throw new FhirError(
    'not-found',
    `There is nothing at ${shown(segments)}: the compartments are those of ${compartments.join(', ')}`,
  )
}

/** What is posted to the base is a Bundle, whose type says which interaction it is for. */
const byBundle = (interactions: readonly Interaction[], body: unknown): Interaction => {
  const { type, resourceType: other } = isObject(body) ? body : {}
  const interaction = interactions.find(one => one.name === type)
  if (interaction !== undefined) return interaction
  const names = interactions.map(one => one.name).join(' or ')
  const words = `The base takes a Bundle whose type is ${names}`
  if (typeof other === 'string' && other !== 'Bundle')
    throw new FhirError('invalid', `${words}; one ${other} is posted to ${other}`, { expression: 'resourceType' })
  throw new FhirError(
    'invalid',
    `${words}, ${type === undefined ? 'and there is none' : `not ${JSON.stringify(type)}`}`,
    {
      expression: 'Bundle.type',
    },
  )
}
