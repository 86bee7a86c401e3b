import { keyOf, type Resource } from './examples.ts'
import { valuesFor } from './match/matches.ts'
import { targetsOf } from './select.ts'
import type { World } from './world.ts'

/** That a resource refers to another by a parameter. */
export type Link = { readonly source: Resource; readonly code: string; readonly target: Resource }

export type Links = {
  readonly from: (resource: Resource) => readonly Link[]
  readonly to: (resource: Resource) => readonly Link[]
}

/** All references and canonicals between stored resources that some parameter follows. */
export const findLinks = (world: World, resources: readonly Resource[]): Links => {
  const links = resources.flatMap(source => linksFrom(world, source))
  const bySource = Map.groupBy(links, ({ source }) => keyOf(source))
  const byTarget = Map.groupBy(links, ({ target }) => keyOf(target))
  return {
    from: resource => bySource.get(keyOf(resource)) ?? [],
    to: resource => byTarget.get(keyOf(resource)) ?? [],
  }
}

const linksFrom = (world: World, source: Resource): readonly Link[] =>
  world
    .parametersOf(source.resourceType)
    .filter(({ type }) => type === 'reference')
    .flatMap(definition =>
      valuesFor(definition, source)
        .flatMap(found => targetsOf(world, definition, found))
        .map(target => ({ source, code: definition.code, target })),
    )
