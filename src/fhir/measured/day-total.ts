import { systems } from '../canonical.ts'

const loinc = (code: string) => ({ system: systems.loinc, code }) as const

/** Steps in 24 hours, and energy: not of the class of what is counted over any time, and still the same in a day's sum. */
export const dayTotalOf = { steps: loinc('41950-7'), energy: loinc('41979-6') } as const

/** Codes that tell of a whole day, also where the time that is given is a moment of it. */
export const dayTotals = Object.values(dayTotalOf)
