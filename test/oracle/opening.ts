import type { FastifyInstance } from 'fastify'
import { unsupportedParameters } from '../../src/fhir/definition/registry-search-parameters.ts'
import { fhirWorld } from '../support/fhir-server.ts'
import { type Definition, definitionsByType, readDefinitions } from './definitions.ts'
import { type Example, keyOf, type Resource, readExamples } from './examples.ts'
import { misreferring } from './known-invalid.ts'
import { load, readAll } from './loading.ts'
import { makeExample } from './made.ts'
import { valuesFor } from './match/matches.ts'
import { openWorld, type World } from './world.ts'

export type Oracle = {
  readonly server: FastifyInstance
  readonly world: World
  readonly resources: readonly Resource[]
  /** Why the server refused an example. */
  readonly refused: Readonly<Record<string, string>>
  /** The published definitions that are not listed as unsupported. */
  readonly supported: (type: string, code: string) => boolean
}

/** Which examples are loaded, and what else is made. */
type Wanted = {
  readonly wanted: (example: Example) => boolean
  readonly more: (definitions: World) => readonly Example[]
}

/** The wanted examples, and one for each parameter that none of them has, on the server and for the oracle. */
export const openOracle = async ({ wanted, more }: Wanted): Promise<Oracle> => {
  const { server } = await fhirWorld()
  const published = readExamples().filter(example => !misreferring.has(example.key) && wanted(example))
  const made = [...madeBesides(published).filter(wanted), ...more(openWorld([], definitions))]
  const { stored, refused } = await load(server, [...published, ...made])
  const resources = [...stored, ...(await pairedWith(server, stored))]
  const world = openWorld(resources, definitions)
  const supported = (type: string, code: string) => isSupported(world.parameter(type, code))
  return { server, world, resources, refused, supported }
}

const definitions = definitionsByType(readDefinitions())

const isSupported = (definition: Definition | undefined): boolean =>
  definition !== undefined && !(definition.url in unsupportedParameters)

const madeBesides = (published: readonly Example[]): readonly Example[] => {
  const byType = Map.groupBy(published, ({ resource }) => resource.resourceType)
  return [...definitions].flatMap(([type, of]) =>
    [...of.values()]
      .filter(isSupported)
      .filter(one => !(byType.get(type) ?? []).some(({ resource }) => valuesFor(one, resource).length > 0))
      .flatMap(one => makeExample(type, one)),
  )
}

/** A study and its group come in pairs: the server makes the other one. */
const pairedWith = async (server: FastifyInstance, stored: readonly Resource[]): Promise<readonly Resource[]> => {
  const known = new Set(stored.map(keyOf))
  const found = await Promise.all(['Group', 'ResearchStudy'].map(type => readAll(server, type)))
  return found.flat().filter(resource => !known.has(keyOf(resource)))
}
