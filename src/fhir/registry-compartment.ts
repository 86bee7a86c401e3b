/** https://hl7.org/fhir/R4/compartmentdefinition-patient.html */

type CompartmentDefinition = {
  readonly resource: readonly { readonly code: string; readonly param?: readonly string[] }[]
}

/** By resource type, the codes of the parameters through which it is in a patient's compartment. */
export const compileCompartment = (definition: unknown): ReadonlyMap<string, readonly string[]> =>
  new Map((definition as CompartmentDefinition).resource.map(({ code, param = [] }) => [code, param]))
