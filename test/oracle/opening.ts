import type { FastifyInstance } from 'fastify'
import { unsupportedParameters } from '../../src/fhir/registry-search-parameters.ts'
import { fhirWorld } from '../support/fhir-server.ts'
import { definitionsByType, readDefinitions } from './definitions.ts'
import { type Example, keyOf, type Resource, readExamples } from './examples.ts'
import { misreferring } from './known-invalid.ts'
import { load, readAll } from './loading.ts'
import { openWorld, type World } from './world.ts'

export type Oracle = {
  readonly server: FastifyInstance
  readonly world: World
  readonly resources: readonly Resource[]
  /** Why the server refused an example. */
  readonly refused: Readonly<Record<string, string>>
  /** Of the published definitions those that are not listed as unsupported. */
  readonly supported: (type: string, code: string) => boolean
}

/** The examples that are wanted, in the server and before the oracle. */
export const openOracle = async (wanted: (example: Example) => boolean = () => true): Promise<Oracle> => {
  const { server } = await fhirWorld()
  const examples = readExamples().filter(example => !misreferring.has(example.key) && wanted(example))
  const { stored, refused } = await load(server, examples)
  const resources = [...stored, ...(await madeBeside(server, stored))]
  const world = openWorld(resources, definitionsByType(readDefinitions()))
  const supported = (type: string, code: string) => {
    const definition = world.parameter(type, code)
    return definition !== undefined && !(definition.url in unsupportedParameters)
  }
  return { server, world, resources, refused, supported }
}

/** A study and its group come in pairs: the server makes the other one. */
const madeBeside = async (server: FastifyInstance, stored: readonly Resource[]): Promise<readonly Resource[]> => {
  const known = new Set(stored.map(keyOf))
  const found = await Promise.all(['Group', 'ResearchStudy'].map(type => readAll(server, type)))
  return found.flat().filter(resource => !known.has(keyOf(resource)))
}
