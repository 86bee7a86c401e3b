import type { ResourceType } from '@medplum/fhirtypes'

/** Codes of the search parameters by which a resource of the type belongs to a patient; none for other types. */
export const subjectParameters = (type: ResourceType): readonly string[] => {
  const code = subjectParameterByType[type]
  return code === undefined ? [] : [code]
}

/** Whether the type's resources belong to patients. A Patient belongs to itself. */
export const isInCompartments = (type: ResourceType): boolean =>
  type === 'Patient' || subjectParameterByType[type] !== undefined

/**
 * The parameter that says whose data it is. The CompartmentDefinition (https://hl7.org/fhir/R4/compartmentdefinition-patient.html) also
 * finds resources by who performed, recorded or received them, or is linked; these never count here. A Device with a patient belongs
 * to that patient; Provenance follows its targets.
 */
const subjectParameterByType: Readonly<Partial<Record<ResourceType, string>>> = {
  Account: 'subject',
  AdverseEvent: 'subject',
  AllergyIntolerance: 'patient',
  Appointment: 'patient',
  AppointmentResponse: 'patient',
  AuditEvent: 'patient',
  BodyStructure: 'patient',
  CarePlan: 'patient',
  CareTeam: 'patient',
  ChargeItem: 'subject',
  Claim: 'patient',
  ClaimResponse: 'patient',
  ClinicalImpression: 'subject',
  Communication: 'subject',
  CommunicationRequest: 'subject',
  Composition: 'subject',
  Condition: 'patient',
  Consent: 'patient',
  Coverage: 'beneficiary',
  CoverageEligibilityRequest: 'patient',
  CoverageEligibilityResponse: 'patient',
  DetectedIssue: 'patient',
  Device: 'patient',
  DeviceRequest: 'subject',
  DeviceUseStatement: 'subject',
  DiagnosticReport: 'subject',
  DocumentManifest: 'subject',
  DocumentReference: 'subject',
  Encounter: 'subject',
  EnrollmentRequest: 'subject',
  EpisodeOfCare: 'patient',
  ExplanationOfBenefit: 'patient',
  FamilyMemberHistory: 'patient',
  Flag: 'patient',
  Goal: 'patient',
  GuidanceResponse: 'patient',
  ImagingStudy: 'patient',
  Immunization: 'patient',
  ImmunizationEvaluation: 'patient',
  ImmunizationRecommendation: 'patient',
  Invoice: 'subject',
  MeasureReport: 'patient',
  Media: 'subject',
  MedicationAdministration: 'subject',
  MedicationDispense: 'subject',
  MedicationRequest: 'subject',
  MedicationStatement: 'subject',
  MolecularSequence: 'patient',
  NutritionOrder: 'patient',
  Observation: 'subject',
  Procedure: 'patient',
  QuestionnaireResponse: 'subject',
  RelatedPerson: 'patient',
  RequestGroup: 'subject',
  ResearchSubject: 'individual',
  RiskAssessment: 'subject',
  ServiceRequest: 'subject',
  Specimen: 'subject',
  SupplyDelivery: 'patient',
  SupplyRequest: 'subject',
  Task: 'patient',
  VisionPrescription: 'patient',
}
