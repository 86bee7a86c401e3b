import type { ResourceType } from '@medplum/fhirtypes'

export type SearchParameterType =
  | 'token'
  | 'reference'
  | 'date'
  | 'string'
  | 'quantity'
  | 'number'
  | 'uri'
  | 'composite'
  | 'special'

/**
 * One way from a resource to the values of a parameter, compiled from the definition's FHIRPath.
 * Choice elements are resolved to their JSON names (`valueQuantity`); repeating elements are flattened on the way.
 */
export type ElementPath = {
  readonly steps: readonly PathStep[]
  /** The FHIR datatype that is reached: `CodeableConcept`, `Reference`, `dateTime`, `Period`, … */
  readonly datatype: string
  /** Of a `code`: the ValueSet that its codes, and with them their systems, are bound to. */
  readonly valueSet?: string
  /**
   * `Patient.deceased.exists() and Patient.deceased != false`: the parameter has one value, true where that holds for
   * any of its paths (there is one per type of the choice) and false where it holds for none.
   */
  readonly test?: 'exists-and-not-false'
}

export type PathStep = {
  readonly name: string
  /** Only this one of a repeating element, as in `Bundle.entry[0].resource`. */
  readonly index?: number
  /** Only those whose child has the value, as in `telecom.where(system = 'phone')`. */
  readonly where?: { readonly name: string; readonly equals: string }
  /** Only those references that name this type, as in `subject.where(resolve() is Patient)`. */
  readonly refersTo?: string
}

/** https://hl7.org/fhir/R4/searchparameter.html, for one resource type, in the compact form the server works with. */
export type SearchParameter = {
  readonly base: ResourceType
  readonly code: string
  readonly url: string
  readonly type: SearchParameterType
  readonly paths: readonly ElementPath[]
  /** The types that a reference parameter may point to; empty for the others. */
  readonly targets: readonly ResourceType[]
  /** The parts of a composite; each part's paths start at the composite's own paths. */
  readonly components: readonly SearchParameter[]
  /** A part of a composite whose paths start at the resource after all. */
  readonly ofResource?: true
}
