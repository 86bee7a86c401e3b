import type { ParametersParameter } from '@medplum/fhirtypes'
import { canonicalBase, systems } from '../fhir/canonical.ts'
import {
  anyGlucose,
  type GlucoseUnit,
  glucoseConversions,
  glucoseManagementIndicator,
  glucoseRanges,
  glucoseToldTwice,
  milligramsPerMillimole,
  mostGlucose,
} from '../fhir/measured/glucose.ts'
import type { Registry } from '../fhir/registry.ts'
import { refusal } from '../search/refusal.ts'
import type { GlucoseProfileRow, ReadingsAsked } from '../storage/figures/figures.ts'
import type { Store } from '../storage/store.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { only, parametersResponse, patientOf, primitivesOf, requireKnown } from './parameters.ts'
import { codesOf, periodOf, readingsOfPatient, timezoneOf } from './readings-asked.ts'
import { aboveZero } from './series.ts'

/** Ours: `fhir-profiles/OperationDefinition-Observation-glucose-profile.json`. */
export const glucoseProfile: Operation = {
  name: 'glucose-profile',
  definition: `${canonicalBase}/OperationDefinition/Observation-glucose-profile`,
  at: { type: 's' },
  types: ['Observation'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: glucoseParameters }),
  documentation:
    'The ambulatory glucose profile of one Patient: mean, variation, GMI, how much of the time there are readings, time in the ranges of the international consensus, and percentiles for each quarter of an hour of the day.',
  handler: async (request, context) => {
    const asked = parseProfile(primitivesOf(request, glucoseParameters), context.base)
    return parametersResponse(toParameters(await readGlucoseProfile(context, asked), asked))
  },
}

type GlucoseAsked = Pick<ReadingsAsked, 'patient' | 'codes' | 'from' | 'to'> & {
  readonly unit: GlucoseUnit
  readonly timezone: string
}

export type GlucoseProfile = GlucoseProfileRow & {
  /** The percentage of the quarters of an hour with readings, among those of the period that are over. */
  readonly active: number
  /** In percent; null if it is not known, or the mean is zero. */
  readonly variation: number | null
  /** The percentage of the readings in each range, the lowest range first; empty if there are none. */
  readonly shares: readonly number[]
  readonly gmi: number | null
}

export const readGlucoseProfile = async (
  { registry, store }: { readonly registry: Registry; readonly store: Store },
  asked: GlucoseAsked,
): Promise<GlucoseProfile> => {
  const { unit, patient } = asked
  const conversions = glucoseConversions(unit)
  const row = await store.glucoseProfile({
    ...asked,
    ...readingsOfPatient(registry, patient),
    at: 'start',
    // Time in range is counted in readings, and an average of a day would count as much as one of five minutes.
    takesAverages: false,
    possible: { ...aboveZero, most: mostGlucose[unit] },
    conversions,
    toldTwice: glucoseToldTwice(unit),
  })
  const { mean, deviation, quarters, ranges } = row
  const ranged = ranges.reduce((sum, count) => sum + count, 0)
  return {
    ...row,
    active: (100 * quarters) / quartersIn(asked),
    variation: deviation === null || !mean ? null : (100 * deviation) / mean,
    shares: ranged === 0 ? [] : ranges.map(count => (100 * count) / ranged),
    gmi: mean === null ? null : glucoseManagementIndicator(unit === 'mg/dL' ? mean : mean * milligramsPerMillimole),
  }
}

/** The quarters of an hour that have begun and are at least partly in the period. */
const quartersIn = ({ from, to }: GlucoseAsked): number => {
  const end = Math.min(Date.parse(to), Date.now())
  return Math.max(1, Math.ceil(end / quarterMs) - Math.floor(Date.parse(from) / quarterMs))
}

const quarterMs = 900_000

/** Those of what is asked about the glucose of one Patient over some days. */
export const glucoseParameters: ParameterTypes = {
  subject: 'text',
  code: 'text',
  start: 'date',
  end: 'date',
  unit: 'text',
  timezone: 'text',
}

const parseProfile = (given: URLSearchParams, base: string): GlucoseAsked => {
  requireKnown('glucose-profile', given, Object.keys(glucoseParameters))
  const codes = codesOf(given)
  return {
    patient: patientOf(only(given, 'subject'), base),
    codes: codes.length === 0 ? anyGlucose : codes,
    ...periodOf(given),
    unit: glucoseUnitOf(only(given, 'unit') ?? 'mg/dL'),
    timezone: timezoneOf(given),
  }
}

export const glucoseUnitOf = (unit: string): GlucoseUnit => {
  if (unit === 'mg/dL' || unit === 'mmol/L') return unit
  throw refusal('unit', `unit is mg/dL or mmol/L, not "${unit}"`)
}

const toParameters = (profile: GlucoseProfile, { unit }: GlucoseAsked): ParametersParameter[] => {
  const { count, leftOut, days, active, mean, deviation, variation, gmi, ranges, shares, ofDay } = profile
  const quantity = (name: string, value: number | null, code: string) =>
    value === null ? [] : [{ name, valueQuantity: { value, unit: code, system: systems.ucum, code } }]
  return [
    { name: 'count', valueInteger: count },
    { name: 'left-out', valueInteger: leftOut },
    { name: 'days', valueInteger: days },
    ...quantity('active', active, '%'),
    ...quantity('mean', mean, unit),
    ...quantity('standard-deviation', deviation, unit),
    ...quantity('coefficient-of-variation', variation, '%'),
    ...quantity('glucose-management-indicator', gmi, '%'),
    ...glucoseRanges.map(({ name, bounds }, index) => ({
      name: 'range',
      part: [
        { name: 'name', valueCode: name },
        { name: 'bounds', valueString: `${bounds[unit]} ${unit}` },
        { name: 'count', valueInteger: ranges[index] ?? 0 },
        ...quantity('time', shares[index] ?? null, '%'),
      ],
    })),
    ...ofDay.map(({ quarter, count, percentiles }) => ({
      name: 'time-of-day',
      part: [
        { name: 'start', valueTime: clockOf(quarter) },
        { name: 'count', valueInteger: count },
        ...percentiles.map((value, index) => ({ name: percentileNames[index] ?? '', valueDecimal: value })),
      ],
    })),
  ]
}

const percentileNames = ['5-percent', '25-percent', 'median', '75-percent', '95-percent']

const clockOf = (quarter: number): string =>
  `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}:00`
