import type { ResourceType } from '@medplum/fhirtypes'
import { resourceTypes } from '../../src/fhir/definition/resource-type.ts'
import type { Definition } from './definitions.ts'
import type { Example } from './examples.ts'
import { makeLeast, makeReferring } from './made.ts'
import { partOf } from './match/hierarchy.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/**
 * For each type of which one resource can be part of another, four of them, each but the first part of an earlier one; and for each parameter that
 * refers to such a type, a resource that refers to one of the four.
 */
export const makeHierarchies = (world: World, random: Random): readonly Example[] => {
  const types = resourceTypes.filter(type => partOf(world, type) !== undefined)
  const referring = resourceTypes.flatMap(type =>
    world
      .parametersOf(type)
      .filter(definition => definition.type === 'reference' && !types.includes(type) && !needsMore.has(type))
      .flatMap(definition => makeReferringInto(types, type, definition, random)),
  )
  return [...types.flatMap(type => makeHierarchy(type, partOf(world, type), random)), ...referring]
}

/** A Linkage has at least two items. */
const needsMore = new Set(['Linkage'])

const members = [1, 2, 3, 4]

const makeHierarchy = (type: ResourceType, part: Definition | undefined, random: Random): readonly Example[] =>
  members.flatMap(number => {
    const id = `part-${number}`
    if (number === 1 || part === undefined) return [makeLeast(type, id)]
    return makeReferring(type, part.code, { id, to: `${type}/part-${1 + random.below(number - 1)}` })
  })

const makeReferringInto = (
  types: readonly ResourceType[],
  type: string,
  { code, target }: Definition,
  random: Random,
): readonly Example[] => {
  const possible = types.filter(one => target?.includes(one))
  if (possible.length === 0) return []
  const to = `${random.pick(possible)}/part-${random.pick(members)}`
  return makeReferring(type, code, { id: `into-${code}`, to })
}
