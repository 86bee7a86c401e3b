import { type Holds, valuesFor } from '../match/matches.ts'
import { localKey, referredBy } from '../match/reference.ts'
import { readPublished } from '../published.ts'
import type { World } from '../world.ts'

/** As R4 publishes them. https://hl7.org/fhir/R4/compartmentdefinition.html */
export const compartments = ['patient', 'device', 'encounter', 'practitioner', 'relatedPerson'].map(id =>
  toCompartment(readPublished('CompartmentDefinition', id) as CompartmentDefinition),
)

export type Compartment = {
  /** The type of resource whose compartment it is. */
  readonly code: string
  /** Type → the parameters that put a resource of it into the compartment; only types that have some. */
  readonly parameters: ReadonlyMap<string, readonly string[]>
}

type CompartmentDefinition = {
  readonly code: string
  readonly resource: readonly { readonly code: string; readonly param?: readonly string[] }[]
}

function toCompartment({ code, resource }: CompartmentDefinition): Compartment {
  const listed = resource.map(({ code: type, param = [] }) => [type, param] as const)
  const named = new Map(listed.filter(([type, param]) => param.length > 0 || type === code))
  return { code, parameters: named }
}

/** The resources that refer to its resource by one of the parameters, and that resource itself. */
export const inCompartment = (world: World, { code, parameters }: Compartment, id: string, type: string): Holds => {
  const key = `${code}/${id}`
  if (world.find(key) === undefined) return () => false
  const definitions = (parameters.get(type) ?? []).flatMap(name => world.parameter(type, name) ?? [])
  return resource =>
    (type === code && resource.id === id) ||
    definitions.some(definition =>
      valuesFor(definition, resource).some(found => localKey(referredBy(found) ?? '') === key),
    )
}
