import { glucoseThresholds } from '../../fhir/measured/glucose.ts'
import { daysBetween } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { GlucoseProfile } from '../../operations/glucose-profile.ts'
import { type Html, html } from '../page/html.ts'
import { phrase } from '../page/time.ts'
import { fewSources, spoken } from './chart.ts'
import { glucoseLimits } from './chart-limits.ts'
import { type ChartPeriod, daysShown } from './chart-period.ts'
import type { Chart } from './drawn-chart.ts'
import { decimalsOf, drawnNumber } from './drawn-number.ts'
import { glucoseOfDays } from './glucose-days.ts'
import { timeInRanges } from './glucose-ranges.ts'
import type { ChartsPage } from './nothing-drawn.ts'

/**
 * What the international consensus on continuous glucose monitoring requires of a report: the figures, the time in ranges, and the day as
 * percentiles. https://doi.org/10.2337/dci19-0028
 */
export const glucoseReport = (
  profile: GlucoseProfile,
  period: ChartPeriod,
  { of, own, page: { name, path }, words }: Report,
): Html => html`<section class="profile">
<h2>${words.say('chart.profile')}</h2>
<p class="d-none d-print-block"><strong>${name}</strong><br>${phrase(words, 'chart.period-printed', { ...daysShown(period, words), timezone: period.timezone })}</p>
<p class="text-body-secondary">${words.say('chart.profile-from', { of })}</p>
${own.lines.length > 1 && html`<p class="border-start border-4 border-warning ps-3">${words.say('chart.profile-sources', { sources: sourcesNamed(own, words) })}</p>`}
${isEnough(profile, period) ? '' : html`<p class="border-start border-4 border-warning ps-3">${words.say('chart.profile-little')}</p>`}
${isBeyond(profile, period) && html`<p class="border-start border-4 border-warning ps-3">${words.say('chart.profile-beyond', limitsIn(period))}</p>`}
<div class="row column-gap-4">
<div class="col-lg">${figures(profile, period, words)}</div>
<div class="col-lg">${timeInRanges(profile, period, words)}</div>
</div>
${profile.ofDay.length > 0 && dayFigure(profile, period, words)}
${glucoseOfDays(own, path, period, words)}
</section>`

type Report = {
  /** Of which readings it is. */
  readonly of: string
  /** The same over time, by source. */
  readonly own: Chart
  readonly page: Pick<ChartsPage, 'name' | 'path'>
  readonly words: Words
}

const sourcesNamed = ({ lines }: Chart, words: Words): string =>
  lines.length > fewSources
    ? words.say('chart.many-sources', { count: lines.length })
    : words.list(lines.map(({ label }) => label))

const isBeyond = ({ lowest, highest }: GlucoseProfile, period: ChartPeriod): boolean => {
  const { low, high } = limitsIn(period)
  return lowest !== null && highest !== null && (lowest < low || highest > high)
}

const limitsIn = ({ glucoseUnit: unit }: ChartPeriod) => {
  const [low, high] = glucoseLimits[unit]
  return { low, high, unit }
}

const isEnough = ({ active }: GlucoseProfile, { first, last }: ChartPeriod): boolean =>
  daysBetween(first, last) + 1 >= leastDays && active >= leastActive

const leastDays = 14
const leastActive = 70

/** The targets are those of the consensus, which has none for the mean and the GMI. */
const figures = (
  { count, days, active, mean, variation, gmi }: GlucoseProfile,
  { glucoseUnit }: ChartPeriod,
  words: Words,
): Html => {
  const { say, number } = words
  const unknown = say('chart.not-known')
  const percent = (value: number | null) => (value === null ? unknown : `${number(value, 1)} %`)
  const line = (name: string, value: string, target?: string) =>
    html`<div><dt>${name}</dt><dd>${value}${target !== undefined && html` <span class="text-body-secondary">${phrase(words, 'chart.with-target', { target: html`<bdi>${target}</bdi>` })}</span>`}</dd></div>`
  return html`<h3>${say('chart.statistics')}</h3>
<dl class="figures">
${line(say('chart.mean'), mean === null ? unknown : `${number(mean, decimalsOf(glucoseUnit))} ${glucoseUnit}`)}
${line(say('chart.gmi'), percent(gmi))}
${line(say('chart.variation'), percent(variation), '≤ 36 %')}
${line(say('chart.active'), percent(active), `≥ ${leastActive} %`)}
${line(say('chart.readings'), say(days === 1 ? 'chart.count-on-day' : 'chart.count-on-days', { count, days }), `≥ ${say('chart.days', { days: leastDays })}`)}
</dl>
<p class="text-body-secondary">${say('chart.figures-text')}</p>`
}

const dayFigure = ({ ofDay }: GlucoseProfile, { glucoseUnit, timezone }: ChartPeriod, words: Words): Html => {
  const { say, number } = words
  const title = say('chart.usual-day')
  const quarters = Array.from({ length: 96 }, (_, quarter) => ofDay.find(one => one.quarter === quarter))
  const decimals = decimalsOf(glucoseUnit)
  const drawn = {
    title,
    ...spoken(title, words),
    unit: glucoseUnit,
    style: 'day',
    decimals,
    thresholds: rangeBounds(glucoseUnit, words),
    limits: glucoseLimits[glucoseUnit],
    ...dayScale[glucoseUnit],
    percentiles: percentileNames.map((name, index) => ({
      name: `${name} %`,
      values: quarters.map(one => {
        const value = one?.percentiles[index]
        return value === undefined ? null : drawnNumber(value, decimals)
      }),
    })),
  }
  return html`<figure class="chart mb-5" data-chart="${JSON.stringify(drawn)}">
<figcaption><h3>${title} <span class="fw-normal text-body-secondary">${glucoseUnit}</span></h3>
<p class="text-body-secondary">${say('chart.usual-day-text', { timezone })}</p></figcaption>
<div class="plot" hidden></div>
<details><summary>${say('chart.as-table', { title })}</summary>
<table class="table table-sm">
<caption>${say('chart.usual-day-caption', { unit: glucoseUnit })}</caption>
<thead><tr><th scope="col">${say('chart.from')}</th>${['5 %', '25 %', say('chart.median'), '75 %', '95 %'].map(name => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${ofDay.map(({ quarter, percentiles }) => html`<tr><th scope="row">${clockOf(quarter)}</th>${percentiles.map(value => html`<td>${number(value, decimals)}</td>`)}</tr>`)}</tbody>
</table>
</details>
</figure>`
}

const percentileNames = [5, 25, 50, 75, 95]

/**
 * The scale of the published report, the same for everybody, so that two of them can be laid side by side; `ticks`: what it names, the bounds of the
 * target range before the others where there is little room. https://doi.org/10.1089/dia.2019.0034
 */
const dayScale = {
  'mg/dL': { scale: [0, 350], ticks: [70, 180, 250, 350, 54, 450, 550] },
  'mmol/L': { scale: [0, 21], ticks: [3.9, 10, 13.9, 21, 3, 27, 33] },
} as const

const clockOf = (quarter: number): string =>
  `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`

/** The bounds of the target range, as lines. */
export const rangeBounds = (unit: ChartPeriod['glucoseUnit'], { say, number }: Words): Chart['thresholds'] => {
  const [, low, high] = glucoseThresholds[unit]
  const label = say('chart.bounds', { low, high, unit })
  const told = (value: number) => number(value, decimalsOf(unit))
  return [
    { value: low, label, mark: '' },
    { value: high, label, mark: say('chart.target-range', { low: told(low), high: told(high), unit }) },
  ]
}
