import type { Definition } from '../definitions.ts'
import type { Resource } from '../examples.ts'
import type { World } from '../world.ts'
import { type Match, valuesFor } from './matches.ts'
import { localKey, referredBy, typeOf } from './reference.ts'

/**
 * https://hl7.org/fhir/R4/search.html#recursive: "all Procedures that occurred at location 42, but also any procedures that
 * occurred in locations that were part of location 42"; above, in those that it is part of.
 */
export const matchHierarchy: Readonly<Record<'above' | 'below', Match>> = {
  above: (found, text, definition, world) =>
    reaches(found, text, { definition, world }, (key, asked) => wholesOf(world, asked).has(key)),
  below: (found, text, definition, world) =>
    reaches(found, text, { definition, world }, (key, asked) => wholesOf(world, key).has(asked)),
}

type At = { readonly definition: Definition; readonly world: World }
type Reach = (key: string, asked: string) => boolean

const reaches = (found: Parameters<Match>[0], text: string, { definition, world }: At, reach: Reach): boolean => {
  const key = localKey(referredBy(found) ?? '')
  if (key === undefined || !isHierarchical(world, definition, typeOf(key))) return false
  return reach(key, text.includes('/') ? text : `${typeOf(key)}/${text}`)
}

/** Whether the parameter refers to a type of which one resource can be part of another. */
export const isHierarchical = (world: World, { target }: Definition, type: string): boolean =>
  target?.includes(type) === true && partOf(world, type) !== undefined

/** The parameter of `Location.partOf` and the like. */
export const partOf = (world: World, type: string): Definition | undefined =>
  world
    .parametersOf(type)
    .find(
      ({ expression = '', target }) =>
        target?.includes(type) === true && expression.split(' | ').includes(`${type}.partOf`),
    )

/** What it is part of, of its own type, however far up, and itself. */
const wholesOf = (world: World, key: string): ReadonlySet<string> => {
  const reached = new Set([key])
  for (const one of reached) {
    const resource = world.find(one)
    for (const whole of resource === undefined ? [] : wholesNamed(world, resource)) reached.add(whole)
  }
  return reached
}

const wholesNamed = (world: World, resource: Resource): readonly string[] => {
  const definition = partOf(world, resource.resourceType)
  return definition === undefined
    ? []
    : valuesFor(definition, resource)
        .map(found => localKey(referredBy(found) ?? ''))
        .filter(key => key !== undefined)
        .filter(key => typeOf(key) === resource.resourceType)
}

/** Everything that is part of it, and itself. */
export const partsOfWhole = (world: World, key: string): readonly string[] =>
  world
    .resourcesOf(typeOf(key))
    .map(({ resourceType, id }) => `${resourceType}/${id}`)
    .filter(one => wholesOf(world, one).has(key))

export const wholesAbove = (world: World, key: string): readonly string[] => [...wholesOf(world, key)]
