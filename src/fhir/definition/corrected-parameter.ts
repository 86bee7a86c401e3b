/**
 * What the parts of a composite are, where R4 publishes something that can never match. Of DocumentReference-relationship it exchanges the
 * expressions: the reference would be a code, and the code a reference. https://hl7.org/fhir/R4/documentreference.html#search
 */
export const correctedParts: Readonly<Record<string, readonly Part[]>> = {
  'http://hl7.org/fhir/SearchParameter/DocumentReference-relationship': [
    { definition: 'http://hl7.org/fhir/SearchParameter/DocumentReference-relatesto', expression: 'target' },
    { definition: 'http://hl7.org/fhir/SearchParameter/DocumentReference-relation', expression: 'code' },
  ],
}

type Part = { readonly definition: string; readonly expression: string }
