import findings from '../../../fhir-profiles/CodeSystem-document-finding.json' with { type: 'json' }

/** What a code of https://sharewell.dev/fhir/CodeSystem/document-finding is called; a code that is none of them is called itself. */
export const findingName = (code: string): string => findings.concept.find(one => one.code === code)?.display ?? code
