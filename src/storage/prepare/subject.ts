import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { subjectParameters } from '../../access/patient-compartment.ts'
import { elementsAt } from '../../fhir/definition/element-path.ts'
import { parseReference } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'

/** Ids of the Patients in whose compartments the resource is; a Patient is in its own. */
export const subjectsOf = (registry: Registry, resource: Resource & { readonly id?: string }): readonly string[] => {
  if (resource.resourceType === 'Patient') return resource.id === undefined ? [] : [resource.id]
  const references = subjectParameters(resource.resourceType).flatMap(code =>
    (registry.searchParameter(resource.resourceType, code)?.paths ?? []).flatMap(path => elementsAt(path, resource)),
  )
  return [...new Set(references.flatMap(patientIdOf))]
}

/** The element that says whose it is, such as `Consent.patient`. */
export const subjectElement = (registry: Registry, type: ResourceType): string => {
  const [code = ''] = subjectParameters(type)
  const steps = registry.searchParameter(type, code)?.paths[0]?.steps ?? []
  return [type, ...steps.map(({ name }) => name)].join('.')
}

const patientIdOf = (element: unknown): readonly string[] => {
  const { reference } = element as { readonly reference?: string }
  const parsed = reference === undefined ? undefined : parseReference(reference)
  return parsed !== undefined && 'type' in parsed && parsed.type === 'Patient' ? [parsed.id] : []
}
