/** The base of everything that we publish ourselves in `fhir-profiles/`. */
export const canonicalBase = 'https://sharewell.dev/fhir'

/** Our extensions, each defined by a StructureDefinition in `fhir-profiles/`. */
export const extensions = {
  requestedData: `${canonicalBase}/StructureDefinition/requested-data`,
  identity: `${canonicalBase}/StructureDefinition/identity`,
  access: `${canonicalBase}/StructureDefinition/access`,
  patientText: `${canonicalBase}/StructureDefinition/patient-text`,
  patientTextDraft: `${canonicalBase}/StructureDefinition/patient-text-draft`,
  staff: `${canonicalBase}/StructureDefinition/staff`,
  supportedData: `${canonicalBase}/StructureDefinition/supported-data`,
  deliveredData: `${canonicalBase}/StructureDefinition/delivered-data`,
  paperConsent: `${canonicalBase}/StructureDefinition/paper-consent`,
  paperScan: `${canonicalBase}/StructureDefinition/paper-scan`,
  gender: `${canonicalBase}/StructureDefinition/gender`,
  birthYear: `${canonicalBase}/StructureDefinition/birth-year`,
  descriptiveStatistic: `${canonicalBase}/StructureDefinition/descriptive-statistic`,
  secondFactor: `${canonicalBase}/StructureDefinition/second-factor`,
  approximateTime: `${canonicalBase}/StructureDefinition/approximate-time`,
  documentRepair: `${canonicalBase}/StructureDefinition/document-repair`,
  validationPolicy: `${canonicalBase}/StructureDefinition/validation-policy`,
} as const

/** The shape of a Consent of which every permit is read. */
export const consentProfile = `${canonicalBase}/StructureDefinition/consent`

/** Its rules hold for every ResearchStudy that is written here. */
export const studyProfile = `${canonicalBase}/StructureDefinition/study`

/** HL7's own extensions that the model uses. */
export const standardExtensions = {
  /** R5's `Observation.value[x]` on an R4 Observation. */
  observationValue: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value',
  /** R5's `SampledData.offsets`, in ms from the start. https://hl7.org/fhir/R5/datatypes.html#SampledData */
  sampledDataOffsets: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets',
  /** http://hl7.org/fhir/R4/extension-observation-gatewaydevice.html */
  gatewayDevice: 'http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice',
  consentResearchStudyContext: 'http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext',
  /** https://hl7.org/fhir/R4/extension-data-absent-reason.html */
  dataAbsentReason: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason',
  /** https://hl7.org/fhir/R4/extension-translation.html */
  translation: 'http://hl7.org/fhir/StructureDefinition/translation',
} as const

export const systems = {
  omh: 'https://w3id.org/openmhealth',
  ieee: 'https://w3id.org/ieee1752',
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  ucum: 'http://unitsofmeasure.org',
  dicom: 'http://dicom.nema.org/resources/ontology/DCM',
  observationCategory: 'http://terminology.hl7.org/CodeSystem/observation-category',
  provenanceParticipant: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type',
  /** For whoever sent something on, which R4's own codes have no word for. */
  usCoreParticipant: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type',
  /** What is done to a record. https://terminology.hl7.org/CodeSystem-iso-21089-lifecycle.html */
  recordLifecycle: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle',
  dataAbsentReason: 'http://terminology.hl7.org/CodeSystem/data-absent-reason',
  observationStatistics: 'http://terminology.hl7.org/CodeSystem/observation-statistics',
  consentPolicy: `${canonicalBase}/CodeSystem/consent-policy`,
  omhElement: `${canonicalBase}/CodeSystem/open-mhealth-element`,
  documentFinding: `${canonicalBase}/CodeSystem/document-finding`,
  /** The system of identifiers that are the id of an account's Person. */
  account: `${canonicalBase}/account`,
  staffRole: `${canonicalBase}/CodeSystem/staff-role`,
} as const
