import { systems } from '../canonical.ts'

const loinc = (code: string) => ({ system: systems.loinc, code }) as const

/** Steps and energy in 24 hours. They are not in the classes of what is counted over any time, but mean the same in the sum of a day. */
export const dayTotalOf = { steps: loinc('41950-7'), energy: loinc('41979-6') } as const

/** Codes of values for a whole day, even if the time that is given is a moment of it. */
export const dayTotals = Object.values(dayTotalOf)
