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
  /** For a `code`: the ValueSet to which its codes, and thereby their systems, are bound. */
  readonly valueSet?: string
  /**
   * `Patient.deceased.exists() and Patient.deceased != false`: the parameter then has one value, true if that holds for any of its paths (there
   * is one per type of the choice), and false if for none.
   */
  readonly test?: 'exists-and-not-false'
}

export type PathStep = {
  readonly name: string
  /** Only this item of a repeating element, as in `Bundle.entry[0].resource`. */
  readonly index?: number
  /** Only items whose child has the value, as in `telecom.where(system = 'phone')`. */
  readonly where?: { readonly name: string; readonly equals: string }
  /** Only references to this type, as in `subject.where(resolve() is Patient)`. */
  readonly refersTo?: string
}

/** https://hl7.org/fhir/R4/searchparameter.html, for one resource type, in the compact form the server works with. */
export type SearchParameter = {
  readonly base: ResourceType
  readonly code: string
  readonly url: string
  readonly type: SearchParameterType
  readonly paths: readonly ElementPath[]
  /** The types that a reference parameter may point to; empty for other parameters. */
  readonly targets: readonly ResourceType[]
  /** The parts of a composite; each part's paths start at the composite's own paths. */
  readonly components: readonly SearchParameter[]
  /** True for a part of a composite whose paths start at the resource all the same. */
  readonly ofResource?: true
}
