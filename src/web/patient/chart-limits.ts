import type { GlucoseUnit } from '../../fhir/measured/glucose.ts'

/** From where to where the scale of a chart may go: one reading that can hardly be would leave all others no room. */
export type Limits = readonly [lowest: number, highest: number]

/** What meters of blood glucose tell as a number. */
export const glucoseLimits: Readonly<Record<GlucoseUnit, Limits>> = { 'mg/dL': [20, 600], 'mmol/L': [1.1, 33.3] }

/** What cuffs tell, in mmHg. */
export const pressureLimits: Limits = [20, 300]

/** A minute. */
export const beatLimits: Limits = [20, 300]

/** A day. */
export const stepLimits: Limits = [0, 100_000]
export const hourLimits: Limits = [0, 24]

/** Of what is different from one to another and changes slowly in each: from the half to the double of the middle of all. */
export const limitsAround = (values: readonly number[]): Limits => {
  const middle = values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
  return middle === undefined || middle <= 0 ? [0, Number.MAX_VALUE] : [middle / 2, middle * 2]
}
