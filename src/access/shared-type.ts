import type { Coding, ResourceType } from '@medplum/fhirtypes'
import { isInCompartments } from './patient-compartment.ts'

/** Codes of `Consent.provision.class` for types of resources. https://hl7.org/fhir/R4/valueset-resource-types.html */
export const resourceTypes = 'http://hl7.org/fhir/resource-types'

/**
 * The name under which people consent to a whole type, where Observations have their kind; the bar in it tells the two apart. Undefined
 * for types that no consent names: Observations and Devices are shared by kinds, and the rest have rules of their own.
 */
export const kindOfType = (type: ResourceType): string | undefined =>
  isShared(type) ? `${resourceTypes}|${type}` : undefined

/** The kind that the coding of a class stands for, if it names a type that can be shared. */
export const kindOfClass = ({ system, code }: Coding): string | undefined =>
  system === resourceTypes && code !== undefined ? kindOfType(code as ResourceType) : undefined

/** The type that a kind is; undefined for a kind of Observations. */
export const typeOfKind = (kind: string): ResourceType | undefined => {
  const [system, type] = kind.split('|')
  return system === resourceTypes ? (type as ResourceType) : undefined
}

/**
 * The element that says which time a resource of the type is about, for `dataPeriod`: a dateTime, date, instant or Period, with `[x]` for
 * a choice. Undefined for a type without one: only consents that name no period cover it.
 */
export const timeElementOf = (type: ResourceType): string | undefined => timeElementByType[type]

/** Whether data of the kind has a time, which `dataPeriod` can bound. */
export const isOfTime = (kind: string): boolean => {
  const type = typeOfKind(kind)
  return type === undefined || timeElementOf(type) !== undefined
}

const isShared = (type: ResourceType): boolean => isInCompartments(type) && !ruledOtherwise.has(type)

const ruledOtherwise: ReadonlySet<ResourceType> = new Set<ResourceType>([
  'AuditEvent',
  'Consent',
  'Device',
  'Observation',
  'Patient',
  'ResearchSubject',
])

const timeElementByType: Readonly<Partial<Record<ResourceType, string>>> = {
  Account: 'servicePeriod',
  AdverseEvent: 'date',
  AllergyIntolerance: 'recordedDate',
  Appointment: 'start',
  AppointmentResponse: 'start',
  CarePlan: 'period',
  CareTeam: 'period',
  ChargeItem: 'occurrence[x]',
  Claim: 'created',
  ClaimResponse: 'created',
  ClinicalImpression: 'effective[x]',
  Communication: 'sent',
  CommunicationRequest: 'authoredOn',
  Composition: 'date',
  Condition: 'recordedDate',
  Coverage: 'period',
  CoverageEligibilityRequest: 'created',
  CoverageEligibilityResponse: 'created',
  DetectedIssue: 'identified[x]',
  DeviceRequest: 'authoredOn',
  DeviceUseStatement: 'recordedOn',
  DiagnosticReport: 'effective[x]',
  DocumentManifest: 'created',
  DocumentReference: 'date',
  Encounter: 'period',
  EnrollmentRequest: 'created',
  EpisodeOfCare: 'period',
  ExplanationOfBenefit: 'created',
  FamilyMemberHistory: 'date',
  Flag: 'period',
  Goal: 'start[x]',
  GuidanceResponse: 'occurrenceDateTime',
  ImagingStudy: 'started',
  Immunization: 'occurrence[x]',
  ImmunizationEvaluation: 'date',
  ImmunizationRecommendation: 'date',
  Invoice: 'date',
  MeasureReport: 'period',
  Media: 'created[x]',
  MedicationAdministration: 'effective[x]',
  MedicationDispense: 'whenHandedOver',
  MedicationRequest: 'authoredOn',
  MedicationStatement: 'effective[x]',
  NutritionOrder: 'dateTime',
  Procedure: 'performed[x]',
  QuestionnaireResponse: 'authored',
  RequestGroup: 'authoredOn',
  RiskAssessment: 'occurrence[x]',
  ServiceRequest: 'authoredOn',
  Specimen: 'receivedTime',
  SupplyDelivery: 'occurrence[x]',
  SupplyRequest: 'authoredOn',
  Task: 'authoredOn',
  VisionPrescription: 'dateWritten',
}
