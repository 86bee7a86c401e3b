import type { ResourceType } from '@medplum/fhirtypes'

/** Whether resources of the type describe how FHIR is used here, and so are nobody's data. */
export const isDefinition = (type: ResourceType): boolean => definitionTypes.has(type)

export const definitionTypes: ReadonlySet<ResourceType> = new Set<ResourceType>([
  'CapabilityStatement',
  'CodeSystem',
  'CompartmentDefinition',
  'ConceptMap',
  'DeviceDefinition',
  'GraphDefinition',
  'ImplementationGuide',
  'MessageDefinition',
  'NamingSystem',
  'OperationDefinition',
  'SearchParameter',
  'StructureDefinition',
  'StructureMap',
  'TerminologyCapabilities',
  'ValueSet',
])
