import type { Patient } from '@medplum/fhirtypes'

/** Why the patient is not invited or reminded any more; undefined if they are. https://hl7.org/fhir/R4/patient-definitions.html#Patient.deceased_x_ */
export const reasonNotToWrite = (patient: Partial<Patient>): 'deceased' | 'inactive' | undefined => {
  if (patient.deceasedBoolean === true || patient.deceasedDateTime !== undefined) return 'deceased'
  return patient.active === false ? 'inactive' : undefined
}
