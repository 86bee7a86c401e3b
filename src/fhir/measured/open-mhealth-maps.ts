import ieee from '../../../fhir-profiles/CodeSystem-ieee-1752.json' with { type: 'json' }
import omh from '../../../fhir-profiles/CodeSystem-open-mhealth.json' with { type: 'json' }
import ieeeToOmh from '../../../fhir-profiles/ConceptMap-ieee-1752-open-mhealth.json' with { type: 'json' }
import answers from '../../../fhir-profiles/ConceptMap-open-mhealth-answers.json' with { type: 'json' }
import loinc from '../../../fhir-profiles/ConceptMap-open-mhealth-loinc.json' with { type: 'json' }
import snomed from '../../../fhir-profiles/ConceptMap-open-mhealth-snomed.json' with { type: 'json' }
import ucum from '../../../fhir-profiles/ConceptMap-open-mhealth-ucum.json' with { type: 'json' }

/** What is read of the maps. https://hl7.org/fhir/R4/conceptmap.html */
export type ConceptMapping = { readonly group: readonly MappingGroup[] }

type MappingGroup = {
  readonly source: string
  readonly target: string
  readonly element: readonly { readonly code: string; readonly target: readonly MappingTarget[] }[]
}

export type MappingTarget = {
  readonly code: string
  readonly display?: string
  readonly equivalence: string
  readonly dependsOn?: readonly { readonly property: string; readonly value: string }[]
}

/** What is read of the code systems. https://hl7.org/fhir/R4/codesystem.html */
type SchemaCodes = { readonly url: string; readonly concept: readonly SchemaConcept[] }

type SchemaConcept = {
  readonly code: string
  readonly display: string
  readonly property?: readonly { readonly code: string; readonly valueCode: string }[]
  readonly concept?: readonly { readonly code: string; readonly display: string }[]
}

type OpenMhealthMaps = {
  readonly codeSystems: readonly SchemaCodes[]
  readonly ieeeToOmh: ConceptMapping
  readonly loinc: ConceptMapping
  readonly snomed: ConceptMapping
  readonly ucum: ConceptMapping
  readonly answers: ConceptMapping
}

/** Our published terminology of Open mHealth, the only source of classes, kinds, codings and units. */
export const openMhealthMaps: OpenMhealthMaps = { codeSystems: [omh, ieee], ieeeToOmh, loinc, snomed, ucum, answers }
