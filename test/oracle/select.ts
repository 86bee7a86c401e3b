import type { Definition } from './definitions.ts'
import type { Resource } from './examples.ts'
import { keyOf } from './examples.ts'
import { type Holds, matchPlain, someValue, valuesFor } from './match/matches.ts'
import { modified } from './match/modifiers.ts'
import { localKey, referredBy } from './match/reference.ts'
import { hasWord, wordsOf } from './match/words.ts'
import type { Found } from './values.ts'
import type { World } from './world.ts'

/** One `name=value` of a query, not yet percent-encoded. */
export type Criterion = readonly [name: string, value: string]

/** The ids that a search selects, sorted: all criteria hold. https://hl7.org/fhir/R4/search.html */
export const select = (world: World, type: string, criteria: readonly Criterion[]): readonly string[] => {
  const holds = criteria.map(criterion => holdsFor(world, type, criterion))
  return world
    .resourcesOf(type)
    .filter(resource => holds.every(one => one(resource)))
    .map(({ id }) => id)
    .sort()
}

const holdsFor = (world: World, type: string, [name, value]: Criterion): Holds => {
  if (name.startsWith('_has:')) return holdsReversed(world, type, [name, value])
  const dot = name.indexOf('.')
  if (dot >= 0) return holdsThere(world, type, [name.slice(0, dot), name.slice(dot + 1), value])
  const [code = '', modifier] = name.split(':')
  const textsOf = wordsOf[code]
  if (textsOf !== undefined) {
    const hasIt = hasWord(value)
    return resource => textsOf(resource).some(hasIt)
  }
  const definition = world.parameter(type, code)
  if (definition === undefined) throw new Error(`${type} has no ${code}`)
  return modifier === undefined
    ? someValue(world, definition, value, matchPlain)
    : modified(world, definition, modifier, value)
}

/** https://hl7.org/fhir/R4/search.html#chaining: some resource that it refers to fulfils the criterion. */
const holdsThere = (world: World, type: string, [link, rest, value]: readonly [string, string, string]): Holds => {
  const [code = '', only] = link.split(':')
  const definition = world.parameter(type, code)
  if (definition === undefined) throw new Error(`${type} has no ${code}`)
  const byType = new Map<string, Holds>()
  const holdsOf = (target: string): Holds => {
    const holds =
      byType.get(target) ?? (isPossible(world, target, rest) ? holdsFor(world, target, [rest, value]) : never)
    byType.set(target, holds)
    return holds
  }
  return resource =>
    valuesFor(definition, resource)
      .flatMap(found => targetsOf(world, definition, found))
      .some(target => (only === undefined || target.resourceType === only) && holdsOf(target.resourceType)(target))
}

const never: Holds = () => false

const isPossible = (world: World, type: string, name: string): boolean =>
  name.startsWith('_has:') || world.parameter(type, /^[^.:]*/.exec(name)?.[0] ?? '') !== undefined

/**
 * A reference leads to one resource, a canonical to all with its URL that are of a type the definition names. Some examples have a relative reference
 * where a canonical is expected; it leads where it says.
 */
export const targetsOf = (world: World, { target }: Definition, found: Found): readonly Resource[] => {
  const referred = referredBy(found)
  if (referred === undefined) return []
  const isPossible = ({ resourceType }: Resource) => target?.includes(resourceType) ?? true
  const one = world.find(localKey(referred) ?? '')
  if (found.type === 'Reference') return one === undefined ? [] : [one]
  // A canonical with a version means only that version; one that names a resource by its id has no version of its own.
  const version = String(found.value).split('|')[1]
  if (one !== undefined) return version === undefined && isPossible(one) ? [one] : []
  return world.findCanonical(referred).filter(of => isPossible(of) && (version ?? of.version) === of.version)
}

/** https://hl7.org/fhir/R4/search.html#has: some resource that refers to this one fulfils the criterion. */
const holdsReversed = (world: World, _type: string, [name, value]: Criterion): Holds => {
  const [, source = '', code = '', ...rest] = name.split(':')
  const definition = world.parameter(source, code)
  if (definition === undefined) throw new Error(`${source} has no ${code}`)
  const holds = holdsFor(world, source, [rest.join(':'), value])
  const referred = new Set(
    world
      .resourcesOf(source)
      .filter(holds)
      .flatMap(one => valuesFor(definition, one))
      .flatMap(found => targetsOf(world, definition, found))
      .map(keyOf),
  )
  return resource => referred.has(keyOf(resource))
}
