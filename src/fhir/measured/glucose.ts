import { systems } from '../canonical.ts'
import { type Conversion, conversionTo } from './conversion.ts'

export type GlucoseUnit = 'mg/dL' | 'mmol/L'

/** How many mg/dL are 1 mmol/L: glucose has 180.16 g/mol. */
export const milligramsPerMillimole = 18.016

/**
 * The most that is believed: the highest value reported of a living person is 5600 mg/dL, and a 9999 means an error.
 * https://doi.org/10.2337/diacare.13.2.181
 */
export const mostGlucose: Readonly<Record<GlucoseUnit, number>> = { 'mg/dL': 6000, 'mmol/L': 333 }

/** All codes of readings of the kind `omh:blood-glucose`. */
const codesOf = (...codes: readonly string[]) => codes.map(code => ({ system: systems.loinc, code }))
export const interstitialGlucose = codesOf('99504-3', '105272-9')
export const drawnGlucose = codesOf('41653-7', '14743-9', '2339-0', '15074-8', '2345-7', '14749-6')
export const anyGlucose = [{ system: systems.omh, code: 'omh:blood-glucose' }, ...interstitialGlucose, ...drawnGlucose]

/**
 * The ranges of the international consensus on time in range, by their upper bounds, which belong to the range in all but the first two: 70 and
 * 180 mg/dL are in range. https://doi.org/10.2337/dci19-0028
 */
export const glucoseRanges = [
  { name: 'very-low', bounds: { 'mg/dL': '< 54', 'mmol/L': '< 3.0' }, target: '< 1 %' },
  { name: 'low', bounds: { 'mg/dL': '54–69', 'mmol/L': '3.0–3.8' }, target: '< 4 %', targetWith: 'very-low' },
  { name: 'in-range', bounds: { 'mg/dL': '70–180', 'mmol/L': '3.9–10.0' }, target: '> 70 %' },
  { name: 'high', bounds: { 'mg/dL': '181–250', 'mmol/L': '10.1–13.9' }, target: '< 25 %', targetWith: 'very-high' },
  { name: 'very-high', bounds: { 'mg/dL': '> 250', 'mmol/L': '> 13.9' }, target: '< 5 %' },
] as const

/** The bounds between the ranges, in either unit as in the consensus: 10.0 mmol/L is in range, although it is 180.16 mg/dL. */
export const glucoseThresholds: Readonly<Record<GlucoseUnit, readonly [number, number, number, number]>> = {
  'mg/dL': [54, 70, 180, 250],
  'mmol/L': [3, 3.9, 10, 13.9],
}

/** Conversions of values of either dimension to one unit, each with the thresholds of its own unit, converted likewise. */
export const glucoseConversions = (unit: GlucoseUnit) => {
  const other = unit === 'mg/dL' ? 'mmol/L' : 'mg/dL'
  const across = unit === 'mg/dL' ? milligramsPerMillimole : 1 / milligramsPerMillimole
  const [own, foreign] = [required(unit), required(other)]
  return [
    { ...own, slack: slackOf(unit, unit), thresholds: glucoseThresholds[unit] },
    {
      ...foreign,
      slack: slackOf(other, unit),
      factor: foreign.factor * across,
      thresholds: glucoseThresholds[other].map(threshold => threshold * across),
    },
  ]
}

/** Of a reading given in both units, the value in mg/dL is the finer. */
export const glucoseToldTwice = (unit: GlucoseUnit) => ({
  finer: required('mg/dL').dimension,
  coarser: required('mmol/L').dimension,
  within: slackOf('mmol/L', unit),
})

/**
 * How far apart two values may be of one reading that was sent in both units: in mmol/L it has one decimal, and devices reckon with 18 mg/dL for
 * a millimole, or with 18.016.
 */
const slackOf = (told: GlucoseUnit, unit: GlucoseUnit): number => {
  if (told === 'mg/dL') return 0
  return unit === 'mmol/L' ? 0.1 : 0.1 * milligramsPerMillimole
}

const required = (unit: GlucoseUnit): Conversion => {
  const conversion = conversionTo(unit)
  if (conversion === undefined) throw new Error(`${unit} is not known`)
  return conversion
}

/** The glucose management indicator in percent, from a mean in mg/dL: the HbA1c that would be expected. https://doi.org/10.2337/dc18-1581 */
export const glucoseManagementIndicator = (mean: number): number => 3.31 + 0.02392 * mean
