import findings from '../../../fhir-profiles/CodeSystem-document-finding.json' with { type: 'json' }

/** The name of a code of https://sharewell.dev/fhir/CodeSystem/document-finding; for any other code, the code itself. */
export const findingName = (code: string): string => findings.concept.find(one => one.code === code)?.display ?? code
