import type { Words } from '../../messages/catalogue.ts'
import type { PressureFigures } from '../../operations/pressure-figures.ts'
import type { Figure, Figures } from './drawn-chart.ts'

/** Means, and how many readings are high; the halves of the day if each has readings of several days. */
export const pressureFigures = (figures: PressureFigures, { say, number }: Words): Figures => {
  const { all, 'before-noon': morning, 'from-noon': evening } = figures
  if (all === undefined) return { told: [] }
  const meanOf = ({ systolic, diastolic }: Row) =>
    `${[systolic, diastolic].map(value => (value === null ? '–' : number(value, 0))).join('/')} mmHg`
  const half = (name: string, row: Row): Figure => [
    name,
    say('chart.of-readings', { mean: meanOf(row), count: row.count }),
  ]
  const { count, days, high } = all
  const hasHalves = morning !== undefined && evening !== undefined && Math.min(morning.days, evening.days) >= fewDays
  return {
    told: [
      [say('chart.mean'), meanOf(all)],
      ...(hasHalves ? [half(say('chart.before-noon'), morning), half(say('chart.from-noon'), evening)] : []),
      [
        say('chart.pressure-high'),
        say('chart.part-of', { part: high, count, percent: number((100 * high) / count, 0) }),
      ],
      [say('chart.readings'), say(days === 1 ? 'chart.count-on-day' : 'chart.count-on-days', { count, days })],
    ],
    notes: [say('chart.pressure-text'), ...(count < fewReadings ? [say('chart.pressure-few')] : [])],
  }
}

type Row = NonNullable<PressureFigures['all']>

/** What measuring at home takes at least: https://doi.org/10.1097/HJH.0000000000002922 */
const fewDays = 3
const fewReadings = 12
