import type { CodeableConcept, Observation, Person, Resource, ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { mostCodings, mostComponents } from '../../storage/prepare/observation-facts.ts'

/**
 * Refuses what is valid, but has more of something than one resource may have. It comes before the validation, so the elements may be of any kind
 * yet. Throws FhirError.
 */
export const refuseTooMany = (resource: Resource): void => {
  for (const { element, most, of, countOf } of limits[resource.resourceType] ?? []) {
    const count = countOf(resource)
    if (count > most) throw new FhirError('business-rule', `${of}, not ${count}`, { expression: element })
  }
}

type Limit = {
  readonly element: string
  readonly most: number
  /** The rule, as the answer says it. */
  readonly of: string
  readonly countOf: (resource: Resource) => number
}

/** Nobody has so many Patients. While those of one Person become one human, one after the other, nobody else can write. */
export const mostLinks = 100

const limits: Readonly<Partial<Record<ResourceType, readonly Limit[]>>> = {
  Observation: [
    {
      element: 'Observation.component',
      most: mostComponents,
      of: `An Observation has at most ${mostComponents} components`,
      countOf: resource => lengthOf((resource as Observation).component),
    },
    {
      element: 'Observation.code.coding',
      most: mostCodings,
      of: `The codes of an Observation and of its components have at most ${mostCodings} codings in all`,
      countOf: resource => codingsIn(resource as Observation),
    },
  ],
  Person: [
    {
      element: 'Person.link',
      most: mostLinks,
      of: `A Person has at most ${mostLinks} links`,
      countOf: resource => lengthOf((resource as Person).link),
    },
  ],
}

const lengthOf = (list: unknown): number => (Array.isArray(list) ? list.length : 0)

const codingsIn = ({ code, component }: Observation): number => {
  const parts = Array.isArray(component) ? component : []
  return parts.reduce((sum: number, part) => sum + codingsOf(part?.code), codingsOf(code))
}

const codingsOf = (concept: CodeableConcept | undefined): number => lengthOf(concept?.coding)
