import { systems } from '../canonical.ts'

const loinc = (...codes: readonly string[]) => codes.map(code => ({ system: systems.loinc, code }))

/** Not of the class of body weight, and still what a scale tells. What a person has said to weigh (3142-7) is none. */
export const scaleWeight = loinc('3141-9', '8350-1', '8351-9')

/** Of the mouth, the rectum, the armpit and the ear, which all are body temperature. */
export const siteTemperature = loinc('8331-1', '8332-9', '8328-7', '8333-7')

/** Many devices tell it once a day, by a code of its own that is narrower than heart rate. */
export const restingHeartRate = loinc('40443-4')

/** Means that a device tells in place of single readings have codes of their own. */
export const systolic = loinc('8480-6', '96608-5')
export const diastolic = loinc('8462-4', '96609-3')
