/** Published examples that are not valid R4, with what the server says when it refuses them. */
export const knownInvalid: Readonly<Record<string, RegExp>> = {
  'ActivityDefinition/blood-tubes-supply': /txt-2/,
  'ActivityDefinition/heart-valve-replacement': /txt-2/,
  'EventDefinition/example': /txt-2/,
  'Questionnaire/qs1': /needs linkId/,
  'Questionnaire/zika-virus-exposure-assessment': /txt-2/,
  'SearchParameter/codesystem-extensions-CodeSystem-author': /needs base/,
  'SearchParameter/codesystem-extensions-CodeSystem-effective': /needs base/,
  'SearchParameter/codesystem-extensions-CodeSystem-end': /needs base/,
  'SearchParameter/codesystem-extensions-CodeSystem-keyword': /needs base/,
  'SearchParameter/codesystem-extensions-CodeSystem-workflow': /needs base/,
  // Its id is longer than 64 characters.
  'SearchParameter/questionnaireresponse-extensions-QuestionnaireResponse-item-subject': /There is nothing at/,
  'SearchParameter/valueset-extensions-ValueSet-author': /needs base/,
  'SearchParameter/valueset-extensions-ValueSet-effective': /needs base/,
  'SearchParameter/valueset-extensions-ValueSet-end': /needs base/,
  'SearchParameter/valueset-extensions-ValueSet-keyword': /needs base/,
  'SearchParameter/valueset-extensions-ValueSet-workflow': /needs base/,
  'StructureDefinition/Definition': /sdf-4/,
  'StructureDefinition/Event': /sdf-4/,
  'StructureDefinition/FiveWs': /sdf-4/,
  'StructureDefinition/Request': /sdf-4/,
}

/**
 * Published examples that refer to a type which their element does not allow. The server stores them with a warning. What a search should find by
 * such a reference is not defined, so the oracle leaves them out.
 */
export const misreferring: ReadonlySet<string> = new Set([
  'DeviceMetric/example',
  'DeviceUseStatement/example',
  'MedicationRequest/medrx0301',
  'Observation/clinical-gender',
])
