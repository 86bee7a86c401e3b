import { systems } from '../canonical.ts'

const loinc = (...codes: readonly string[]) => codes.map(code => ({ system: systems.loinc, code }))

/** They are not in the class of body weight, but are what a scale shows. A weight that a person has stated (3142-7) is not. */
export const scaleWeight = loinc('3141-9', '8350-1', '8351-9')

/** Taken in the mouth, the rectum, the armpit and the ear: all of them are body temperature. */
export const siteTemperature = loinc('8331-1', '8332-9', '8328-7', '8333-7')

/** Many devices report it once a day, by a code of its own that is narrower than heart rate. */
export const restingHeartRate = loinc('40443-4')

export const systolicReading = loinc('8480-6')
export const diastolicReading = loinc('8462-4')

/** Means that a device reports instead of single readings have codes of their own. */
export const systolic = [...systolicReading, ...loinc('96608-5')]
export const diastolic = [...diastolicReading, ...loinc('96609-3')]

/** What contains both of them. */
export const pressurePanel = [{ system: systems.omh, code: 'omh:blood-pressure' }, ...loinc('96607-7')]
