import type { GlucoseUnit } from '../../fhir/measured/glucose.ts'

/** The range that the scale of a chart may have: otherwise a single improbable reading would leave no room for all others. */
export type Limits = readonly [lowest: number, highest: number]

/** The range that blood glucose meters show as a number. */
export const glucoseLimits: Readonly<Record<GlucoseUnit, Limits>> = { 'mg/dL': [20, 600], 'mmol/L': [1.1, 33.3] }

/** The range of cuffs, in mmHg. */
export const pressureLimits: Limits = [20, 300]

/** Beats a minute. */
export const beatLimits: Limits = [20, 300]

/** Percent, as oximeters show it. */
export const oxygenLimits: Limits = [50, 100]

/** Breaths a minute. */
export const breathLimits: Limits = [0, 100]

/** From deep hypothermia to the highest fever, in degrees Celsius. */
export const temperatureLimits: Limits = [25, 45]

/** Steps a day. */
export const stepLimits: Limits = [0, 100_000]
export const hourLimits: Limits = [0, 24]

/** For values that differ from person to person and change slowly in each: from half to twice the median. */
export const limitsAround = (values: readonly number[]): Limits => {
  const middle = values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
  return middle === undefined || middle <= 0 ? [0, Number.MAX_VALUE] : [middle / 2, middle * 2]
}
