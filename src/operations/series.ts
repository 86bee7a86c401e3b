import type { CodeableConcept, Observation, ObservationComponent, SampledData } from '@medplum/fhirtypes'
import { canonicalBase, systems } from '../fhir/canonical.ts'
import { type Conversion, conversionTo } from '../fhir/measured/conversion.ts'
import { anyGlucose, glucoseConversions } from '../fhir/measured/glucose.ts'
import type { Registry } from '../fhir/registry.ts'
import { dayOf, daysBetween } from '../fhir/timezone.ts'
import { refusal } from '../search/refusal.ts'
import type { SeriesAsked, SeriesRow, Step } from '../storage/figures/figures.ts'
import type { Store } from '../storage/store.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { atMost, only, parametersResponse, patientOf, primitivesOf, requireKnown } from './parameters.ts'
import { type Code, codesOf, periodOf, readingsOfPatient, timezoneOf } from './readings-asked.ts'
import { type Source, sourcesOf } from './sources.ts'

/** Ours: `fhir-profiles/OperationDefinition-Observation-series.json`. */
export const series: Operation = {
  name: 'series',
  definition: `${canonicalBase}/OperationDefinition/Observation-series`,
  at: { type: 's' },
  types: ['Observation'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: parameters }),
  documentation:
    'One Patient’s numbers of some codes over time, in one unit, for drawing. The steps are so long that there are at most as many points as are asked for. For each source there is an Observation with count, minimum, average, maximum and sum as SampledData, with E for a step without readings.',
  handler: async (request, context) => {
    const asked = parseSeries(primitivesOf(request, parameters), context.base)
    const { lines, leftOut } = await readSeries(context, asked)
    return parametersResponse([
      ...lines.map(line => ({ name: 'series', resource: toObservation(line, asked) })),
      { name: 'left-out', valueInteger: leftOut },
    ])
  },
}

type Asked = Omit<SeriesAsked, 'where' | 'mistaken' | 'conversions'>

/** A person cannot have a pulse, weight or number of steps below zero. */
export const aboveZero = { least: 0, most: Number.MAX_VALUE }

/** What one source has measured; it is undefined if it is unknown, or the caller may not read it. */
export type Line = { readonly source: Source | undefined; readonly points: readonly SeriesRow[] }

export const readSeries = async (
  context: { readonly registry: Registry; readonly store: Store },
  asked: Asked,
): Promise<{ readonly lines: readonly Line[]; readonly leftOut: number }> => {
  const { registry, store } = context
  const conversions = conversionsOf(asked)
  const rows = await store.series({ ...asked, ...readingsOfPatient(registry, asked.patient), conversions })
  const points = rows.filter(({ count }) => count > 0)
  const sources = await sourcesOf(context, new Set(points.flatMap(({ device }) => device ?? [])))
  return {
    lines: [...Map.groupBy(points, ({ device }) => device)].map(([device, points]) => ({
      source: sources.get(device ?? ''),
      points,
    })),
    leftOut: rows.reduce((sum, { leftOut }) => sum + leftOut, 0),
  }
}

/** The shortest step with which the period has at most that many points. */
export const stepWithin = (from: string, to: string, points: number): Step => {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000
  const whole = Math.ceil(seconds / points / daySeconds) * daySeconds
  return { kind: 'width', seconds: widths.find(width => seconds / width <= points) ?? whole }
}

const daySeconds = 86_400
const widths = [60, 300, 900, 3600, 10_800, 21_600, 43_200, daySeconds]

const parameters: ParameterTypes = {
  subject: 'text',
  code: 'text',
  start: 'date',
  end: 'date',
  unit: 'text',
  points: 'integer',
  step: 'text',
  at: 'text',
  timezone: 'text',
}

const parseSeries = (given: URLSearchParams, base: string): Asked => {
  requireKnown('series', given, Object.keys(parameters))
  const codes = codesOf(given)
  if (codes.length === 0) throw refusal('code', 'code says what is to be drawn; at least one is needed')
  const { from, to } = periodOf(given)
  return {
    patient: patientOf(only(given, 'subject'), base),
    codes,
    from,
    to,
    timezone: timezoneOf(given),
    unit: unitOf(only(given, 'unit')),
    at: atOf(only(given, 'at') ?? 'start'),
    takesAverages: true,
    wantsSum: true,
    step: stepOf(given, from, to),
  }
}

const unitOf = (unit: string | undefined): string => {
  if (unit !== undefined && conversionTo(unit) !== undefined) return unit
  throw refusal(
    'unit',
    'unit is the UCUM code of the unit that is wanted, such as kg or mm[Hg]; readings are converted',
  )
}

/** Only for codes of glucose is it known what a mole weighs. */
const conversionsOf = ({ codes, unit }: Asked): readonly Conversion[] => {
  if ((unit === 'mg/dL' || unit === 'mmol/L') && codes.every(isGlucose)) return glucoseConversions(unit)
  const conversion = conversionTo(unit)
  return conversion === undefined ? [] : [conversion]
}

const isGlucose = ({ system, code }: Code): boolean =>
  anyGlucose.some(one => one.code === code && (system === undefined || system === one.system))

const atOf = (at: string): 'start' | 'end' => {
  if (at === 'start' || at === 'end') return at
  throw refusal('at', `at is start or end: where a reading stands that took some time; not "${at}"`)
}

const stepOf = (given: URLSearchParams, from: string, to: string): Step => {
  const points = atMost(given, 'points', mostPoints, usualPoints)
  const asked = only(given, 'step')
  const timezone = timezoneOf(given)
  if (asked === undefined) return stepWithin(from, to, points)
  if (asked !== 'day') throw refusal('step', `step is day, or left out; not "${asked}"`)
  if (stepCount({ kind: 'day', timezone }, from, to) <= points) return { kind: 'day', timezone }
  throw refusal('step', `The period has more days than the ${points} points that are asked for`)
}

const usualPoints = 1000
const mostPoints = 5000

const stepCount = (step: Step, from: string, to: string): number =>
  stepIndex(step, from, (Date.parse(to) - 1) / 1000) + 1

const stepIndex = (step: Step, from: string, second: number): number =>
  step.kind === 'width'
    ? Math.floor((second - Date.parse(from) / 1000) / step.seconds)
    : daysBetween(dayOf(Date.parse(from), step.timezone), dayOf(second * 1000, step.timezone))

/** https://hl7.org/fhir/R4/datatypes.html#SampledData; if the steps are days, the n-th value is that of the n-th day, however long that was. */
const toObservation = ({ source, points }: Line, asked: Asked): Observation => {
  const { patient, codes, from, to, step, unit } = asked
  const sampled = (name: Figure): ObservationComponent => {
    const data: (number | 'E')[] = Array.from({ length: stepCount(step, from, to) }, () => 'E')
    for (const point of points) data[stepIndex(step, from, point.start)] = point[name] ?? 'E'
    const origin = { value: 0, unit: name === 'count' ? '1' : unit, system: systems.ucum }
    const valueSampledData: SampledData = {
      origin: { ...origin, code: origin.unit },
      period: (step.kind === 'day' ? daySeconds : step.seconds) * 1000,
      dimensions: 1,
      data: data.join(' '),
    }
    return { code: { coding: [{ system: systems.observationStatistics, code: name }] }, valueSampledData }
  }
  return {
    resourceType: 'Observation',
    status: 'final',
    code: conceptOf(codes),
    subject: { reference: `Patient/${patient}` },
    effectivePeriod: { start: from, end: to },
    ...(source === undefined ? {} : { device: source }),
    component: figures.map(sampled),
  }
}

const figures = ['count', 'minimum', 'average', 'maximum', 'sum'] as const
type Figure = (typeof figures)[number]

const conceptOf = (codes: readonly Code[]): CodeableConcept => ({
  coding: codes.map(({ system, code }) => ({ ...(system ? { system } : {}), code })),
})
