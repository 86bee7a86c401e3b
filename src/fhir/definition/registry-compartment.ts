import type { ResourceType } from '@medplum/fhirtypes'
import { type Compartment, compartments, compartmentTypes } from './compartment.ts'

type CompartmentDefinition = {
  readonly resource: readonly { readonly code: string; readonly param?: readonly string[] }[]
}

/**
 * By compartment and resource type, the codes of the parameters through which the type is in it. The resource that a compartment belongs to is
 * always in it, by its id. https://hl7.org/fhir/R4/compartmentdefinition.html
 */
export const compileCompartments = (
  ofPatient: unknown,
): ReadonlyMap<Compartment, ReadonlyMap<string, readonly string[]>> => {
  const { resource } = ofPatient as CompartmentDefinition
  const patient = resource.map(({ code, param = [] }) => [code, asPublished[code] ?? param] as const)
  return new Map(
    compartments.map(compartment => {
      const listed = compartment === 'Patient' ? patient : listedOf(compartment)
      const codes = new Map(listed.filter(([, param]) => param.length > 0))
      const own = (codes.get(compartment) ?? []).filter(code => code !== '{def}')
      return [compartment, codes.set(compartment, ['_id', ...own])]
    }),
  )
}

/** Where our copy of the definition of the Patient compartment differs from R4. */
const asPublished: Readonly<Record<string, readonly string[]>> = { Encounter: ['patient'], Task: [] }

const listedOf = (compartment: Exclude<Compartment, 'Patient'>): (readonly [ResourceType, readonly string[]])[] =>
  Object.entries(compartmentTypes[compartment]).map(([type, codes]) => [type as ResourceType, codes.split(' ')])
