import { systems } from '../../fhir/canonical.ts'
import { dayTotalOf } from '../../fhir/measured/day-total.ts'
import { diastolic, restingHeartRate, scaleWeight, siteTemperature, systolic } from '../../fhir/measured/drawn-codes.ts'
import { anyGlucose, mostGlucose } from '../../fhir/measured/glucose.ts'
import type { Words } from '../../messages/catalogue.ts'
import { homePressure } from '../../operations/pressure-figures.ts'
import type { Code } from '../../operations/readings-asked.ts'
import {
  beatLimits,
  breathLimits,
  glucoseLimits,
  hourLimits,
  type Limits,
  oxygenLimits,
  pressureLimits,
  stepLimits,
  temperatureLimits,
} from './chart-limits.ts'
import type { ChartPeriod } from './chart-period.ts'
import type { Chart } from './drawn-chart.ts'
import { decimalsOf } from './drawn-number.ts'
import { rangeBounds } from './glucose.ts'

/** One chart of the page, and the readings that it draws. */
export type Drawing = Pick<Chart, 'title' | 'unit' | 'style' | 'thresholds' | 'decimals' | 'figures'> & {
  /** The same in UCUM. */
  readonly ucum: string
  readonly lines: readonly { readonly name?: string; readonly codes: readonly Code[] }[]
  /** How many minutes without a reading are not yet a gap. */
  readonly bridgesMinutes: number
  readonly at?: 'start' | 'end'
  /** If absent, it depends on the values that are shown. */
  readonly limits?: Limits
  /** Whether readings that are averages themselves are drawn; if absent, they are unless it shows sums. */
  readonly takesAverages?: boolean
  /** The highest possible value. */
  readonly most?: number
}

/** In the order in which they are shown, glucose first. */
export const drawings = ({ glucoseUnit }: ChartPeriod, words: Words): readonly Drawing[] => {
  const { say } = words
  return [
    {
      title: say('chart.glucose'),
      unit: glucoseUnit,
      ucum: glucoseUnit,
      style: 'line',
      decimals: decimalsOf(glucoseUnit),
      lines: [{ codes: anyGlucose }],
      thresholds: rangeBounds(glucoseUnit, words),
      limits: glucoseLimits[glucoseUnit],
      most: mostGlucose[glucoseUnit],
      bridgesMinutes: 40,
    },
    {
      title: say('chart.pressure'),
      unit: 'mmHg',
      ucum: 'mm[Hg]',
      style: 'marked',
      decimals: 0,
      lines: [
        { name: say('chart.systolic'), codes: systolic },
        { name: say('chart.diastolic'), codes: diastolic },
      ],
      thresholds: (['systolic', 'diastolic'] as const).map(name => ({
        value: homePressure[name],
        label: say('chart.home-pressure'),
        mark: `${say(`chart.${name}`)} ${homePressure[name]}`,
      })),
      figures: 'pressure',
      limits: pressureLimits,
      bridgesMinutes: 2 * 24 * 60,
    },
    {
      title: say('chart.heart-rate'),
      unit: say('chart.unit-beats'),
      ucum: '/min',
      style: 'line',
      decimals: 0,
      lines: [{ codes: omh('omh:heart-rate') }, { name: say('chart.resting'), codes: restingHeartRate }],
      thresholds: [],
      figures: 'at-rest',
      limits: beatLimits,
      bridgesMinutes: 90,
    },
    {
      title: say('chart.oxygen'),
      unit: '%',
      ucum: '%',
      style: 'line',
      decimals: 0,
      lines: [{ codes: omh('omh:oxygen-saturation') }],
      thresholds: [],
      figures: 'spread',
      limits: oxygenLimits,
      most: 100,
      bridgesMinutes: 90,
    },
    {
      title: say('chart.breathing'),
      unit: say('chart.unit-breaths'),
      ucum: '/min',
      style: 'line',
      decimals: 0,
      lines: [{ codes: omh('omh:respiratory-rate') }],
      thresholds: [],
      figures: 'spread',
      limits: breathLimits,
      bridgesMinutes: 90,
    },
    {
      title: say('chart.temperature'),
      unit: '°C',
      ucum: 'Cel',
      style: 'marked',
      decimals: 1,
      lines: [{ codes: [...omh('omh:body-temperature'), ...siteTemperature] }],
      thresholds: [],
      figures: 'spread',
      limits: temperatureLimits,
      bridgesMinutes: 2 * 24 * 60,
    },
    {
      title: say('chart.steps'),
      unit: say('chart.unit-steps'),
      ucum: '{steps}',
      style: 'bars',
      decimals: 0,
      lines: [{ codes: [...omh('omh:step-count'), dayTotalOf.steps] }],
      thresholds: [],
      figures: 'of-days',
      limits: stepLimits,
      bridgesMinutes: 0,
    },
    {
      title: say('chart.sleep'),
      unit: say('chart.unit-hours'),
      ucum: 'h',
      style: 'bars',
      decimals: 1,
      lines: [
        { name: say('chart.asleep'), codes: omh('omh:sleep-duration') },
        { name: say('chart.total-sleep'), codes: omh('omh:total-sleep-time') },
      ],
      thresholds: [],
      figures: 'of-nights',
      limits: hourLimits,
      bridgesMinutes: 0,
      at: 'end',
    },
    {
      title: say('chart.weight'),
      unit: 'kg',
      ucum: 'kg',
      style: 'marked',
      decimals: 1,
      lines: [{ codes: [...omh('omh:body-weight'), ...scaleWeight] }],
      thresholds: [],
      figures: 'change',
      bridgesMinutes: 30 * 24 * 60,
    },
  ]
}

const omh = (code: string): readonly Code[] => [{ system: systems.omh, code }]
