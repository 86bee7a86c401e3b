import type { Definition } from './definitions.ts'
import { keyOf, type Resource } from './examples.ts'

/** Everything that is stored, as the oracle sees it. */
export type World = {
  readonly resourcesOf: (type: string) => readonly Resource[]
  readonly find: (key: string) => Resource | undefined
  /** By `CodeSystem.url` and the like. */
  readonly findCanonical: (url: string) => readonly Resource[]
  readonly parametersOf: (type: string) => readonly Definition[]
  readonly parameter: (type: string, code: string) => Definition | undefined
  readonly parameterByUrl: (url: string) => Definition | undefined
}

export const openWorld = (
  resources: readonly Resource[],
  definitions: ReadonlyMap<string, ReadonlyMap<string, Definition>>,
): World => {
  const byType = Map.groupBy(resources, one => one.resourceType)
  const byKey = new Map(resources.map(one => [keyOf(one), one]))
  const byUrl = Map.groupBy(resources, one => one.url)
  const byDefinition = new Map([...definitions.values()].flatMap(of => [...of.values()].map(one => [one.url, one])))
  return {
    resourcesOf: type => byType.get(type) ?? [],
    find: key => byKey.get(key),
    findCanonical: url => byUrl.get(url) ?? [],
    parametersOf: type => [...(definitions.get(type)?.values() ?? [])],
    parameter: (type, code) => definitions.get(type)?.get(code),
    parameterByUrl: url => byDefinition.get(url),
  }
}
