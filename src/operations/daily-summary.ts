import type { Observation, ObservationComponent } from '@medplum/fhirtypes'
import { canonicalBase, systems } from '../fhir/canonical.ts'
import type { Issue } from '../fhir/error.ts'
import { dayTotalOf } from '../fhir/measured/day-total.ts'
import { diastolic, scaleWeight, siteTemperature, systolic } from '../fhir/measured/drawn-codes.ts'
import { drawnGlucose, interstitialGlucose, mostGlucose } from '../fhir/measured/glucose.ts'
import { dayOf } from '../fhir/timezone.ts'
import { refusal } from '../search/refusal.ts'
import type { SeriesRow } from '../storage/figures/figures.ts'
import { type DaysAsked, daysAskedIn } from './days-asked.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { only, patientOf, primitivesOf, requireKnown } from './parameters.ts'
import type { Code } from './readings-asked.ts'
import { aboveZero, type Line, readSeries } from './series.ts'
import { collectionOf, leftOutOf, newUrl, rounded, summaryOf } from './summary.ts'

/** Ours: `fhir-profiles/OperationDefinition-Observation-daily-summary.json`. */
export const dailySummary: Operation = {
  name: 'daily-summary',
  definition: `${canonicalBase}/OperationDefinition/Observation-daily-summary`,
  at: { type: 's' },
  types: ['Observation'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: parameters }),
  documentation:
    'One Patient’s days, in a Bundle: for each kind, source and day with a reading, an Observation with the sum (of steps, energy, sleep) or with the average, minimum and maximum (of heart rate, pressure, glucose). Made from the readings that the caller may search at that moment, and stored nowhere.',
  handler: async (request, context) => {
    const asked = parseDays(primitivesOf(request, parameters), context.base)
    const { patient, from, to, timezone } = asked
    const found: Observation[] = []
    const issues: Issue[] = []
    for (const summed of asked.kinds) {
      const { system, code, also = [], unit, at = 'start', most = aboveZero.most } = summed
      const codes = [{ system, code }, ...also]
      const step = { kind: 'day', timezone } as const
      const wantsSum = summed.figures === added
      const question = {
        patient,
        codes,
        from,
        to,
        timezone,
        unit,
        at,
        step,
        wantsSum,
        takesAverages: !wantsSum,
      } as const
      const { lines, leftOut } = await readSeries(context, { ...question, possible: { ...aboveZero, most } })
      found.push(...lines.flatMap(line => line.points.map(point => toObservation(line, point, summed, asked))))
      issues.push(
        ...leftOutOf(leftOut, `of ${code} without a number in ${unit}, or with one that cannot be: in no figure`),
      )
    }
    return collectionOf(
      found.map(resource => ({ fullUrl: newUrl(), resource })),
      issues,
    )
  },
}

type Figure = 'sum' | 'average' | 'minimum' | 'maximum'

type Summed = {
  readonly system: string
  readonly code: string
  readonly unit: string
  readonly figures: readonly Figure[]
  /** The bound of the reading that decides its day: a night belongs to the day on which it ends. */
  readonly at?: 'end'
  /** Codes of other classes that count as the same in a day's figures: for the total of a whole day, or for glucose by what was examined. */
  readonly also?: readonly Code[]
  /** The highest possible value. */
  readonly most?: number
}

const added = ['sum'] as const
const spread = ['average', 'minimum', 'maximum'] as const

const omh = (code: string, unit: string, figures: Summed['figures'], at?: 'end'): Summed => ({
  system: systems.omh,
  code: `omh:${code}`,
  unit,
  figures,
  ...(at === undefined ? {} : { at }),
})

const loinc = (code: string, unit: string): Summed => ({ system: systems.loinc, code, unit, figures: spread })

/** Blood pressure is summed up by its two values. */
const summedKinds: readonly Summed[] = [
  { ...omh('step-count', '{steps}', added), also: [dayTotalOf.steps] },
  { ...omh('calories-burned', 'kcal', added), also: [dayTotalOf.energy] },
  omh('minutes-moderate-activity', 'min', added),
  omh('sleep-duration', 'h', added, 'end'),
  omh('total-sleep-time', 'h', added, 'end'),
  omh('heart-rate', '/min', spread),
  loinc('40443-4', '/min'),
  omh('respiratory-rate', '/min', spread),
  { ...omh('oxygen-saturation', '%', spread), most: 100 },
  { ...omh('body-temperature', 'Cel', spread), also: siteTemperature },
  { ...omh('body-weight', 'kg', spread), also: scaleWeight },
  { ...omh('blood-glucose', 'mg/dL', spread), also: drawnGlucose, most: mostGlucose['mg/dL'] },
  { ...loinc('99504-3', 'mg/dL'), also: interstitialGlucose, most: mostGlucose['mg/dL'] },
  { ...loinc('8480-6', 'mm[Hg]'), also: systolic },
  { ...loinc('8462-4', 'mm[Hg]'), also: diastolic },
]

type Asked = DaysAsked & { readonly patient: string; readonly kinds: readonly Summed[] }

const parameters: ParameterTypes = {
  subject: 'text',
  code: 'text',
  start: 'date',
  end: 'date',
  timezone: 'text',
}

const parseDays = (given: URLSearchParams, base: string): Asked => {
  requireKnown('daily-summary', given, Object.keys(parameters))
  return { patient: patientOf(only(given, 'subject'), base), kinds: kindsOf(given), ...daysAskedIn(given) }
}

const kindsOf = (given: URLSearchParams): readonly Summed[] => {
  const codes = given.getAll('code').flatMap(text => text.split(','))
  return codes.length === 0 ? summedKinds : [...new Set(codes.map(kindOf))]
}

const kindOf = (text: string): Summed => {
  const found = summedKinds.find(({ system, code }) => text === code || text === `${system}|${code}`)
  if (found !== undefined) return found
  const known = summedKinds.map(({ code }) => code).join(', ')
  throw refusal('code', `Days are summed up of ${known}, not of "${text}"; $stats and $series take any code`)
}

const toObservation = (
  { source }: Line,
  point: SeriesRow,
  { system, code, unit, figures }: Summed,
  { patient, timezone }: Asked,
): Observation => {
  const day = dayOf(point.start * 1000, timezone)
  return {
    ...summaryOf({ patient, coding: { system, code }, first: day, last: day, timezone, count: point.count }),
    ...(source === undefined ? {} : { device: source }),
    component: [
      componentOf('count', { value: point.count }),
      ...figures.flatMap(figure => {
        const value = point[figure]
        return value === null
          ? []
          : [componentOf(figure, { value: rounded(value), unit, system: systems.ucum, code: unit })]
      }),
    ],
  }
}

const componentOf = (
  figure: Figure | 'count',
  valueQuantity: NonNullable<ObservationComponent['valueQuantity']>,
): ObservationComponent => ({
  code: { coding: [{ system: systems.observationStatistics, code: figure }] },
  valueQuantity,
})
