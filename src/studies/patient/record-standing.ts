import type { Patient } from '@medplum/fhirtypes'
import { intervalOf } from '../../fhir/date.ts'
import { without } from '../../fhir/with-values.ts'

/**
 * Whether a patient is still written to: not if they have died, or if the record is not in use. `died`: a moment, day, month or year; empty if it is not
 * known. https://hl7.org/fhir/R4/patient-definitions.html#Patient.active
 */
export type RecordStanding = { readonly isDeceased: boolean; readonly died: string; readonly isInactive: boolean }

export const standingOf = ({ active, deceasedBoolean, deceasedDateTime }: Patient): RecordStanding => ({
  isDeceased: deceasedBoolean === true || deceasedDateTime !== undefined,
  died: deceasedDateTime ?? '',
  isInactive: active === false,
})

/** What is wrong with the time of death of a patient; undefined if nothing is. A time that stays may be as registries elsewhere have it. */
export const problemOfDeath = ({ isDeceased, died }: RecordStanding, patient: Patient): string | undefined => {
  if (died === '' || died === standingOf(patient).died) return undefined
  if (!isDeceased) return 'Tick that the patient has died as well, or leave this empty'
  const day = intervalOf(died)
  if (day === undefined || !/^\d{4}(-\d\d){0,2}$/.test(died))
    return 'Enter a day that exists, with its month as a word, such as 31 January 2026, or the month and year, or the year alone'
  // Somewhere on earth it is already tomorrow.
  if (day.low > new Date(Date.now() + dayMs).toISOString()) return 'Enter a day that is not in the future'
  const born = intervalOf(patient.birthDate ?? '')
  return born !== undefined && day.high <= born.low ? 'Enter a day that is not before the birth date' : undefined
}

const dayMs = 24 * 60 * 60 * 1000

/** What is unchanged stays as it is stored. */
export const withStanding = (patient: Patient, { isDeceased, died, isInactive }: RecordStanding): Patient => {
  const before = standingOf(patient)
  const inUse = before.isInactive === isInactive ? patient : { ...patient, active: !isInactive }
  if (before.isDeceased === isDeceased && before.died === died) return inUse
  const others = without(inUse, 'deceasedBoolean', 'deceasedDateTime')
  if (!isDeceased) return others
  return died === '' ? { ...others, deceasedBoolean: true } : { ...others, deceasedDateTime: died }
}
