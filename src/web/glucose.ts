import { glucoseRanges, glucoseThresholds } from '../fhir/glucose.ts'
import { daysBetween } from '../fhir/timezone.ts'
import type { GlucoseProfile } from '../operations/glucose-profile.ts'
import type { ChartPeriod } from './chart-period.ts'
import { type Html, html } from './html.ts'

/**
 * What the international consensus on continuous glucose monitoring asks a report for: the figures, the time in ranges and
 * the day as percentiles. https://doi.org/10.2337/dci19-0028
 */
export const glucoseReport = (profile: GlucoseProfile, period: ChartPeriod, of: string): Html => html`<section>
<h2>Ambulatory glucose profile</h2>
<p class="text-body-secondary">From ${of}.</p>
${isEnough(profile, period) ? '' : html`<p class="border-start border-4 border-warning ps-3">These figures stand for little: the consensus asks for 14 days with readings in 70 % of the time.</p>`}
${figures(profile, period)}
${timeInRanges(profile, period)}
${dayFigure(profile, period)}
</section>`

const isEnough = ({ active }: GlucoseProfile, { first, last }: ChartPeriod): boolean =>
  daysBetween(first, last) + 1 >= 14 && active >= 70

const figures = ({ count, days, active, mean, variation, gmi }: GlucoseProfile, { glucoseUnit }: ChartPeriod): Html => {
  const percent = (value: number | null) => (value === null ? 'not known' : `${value.toFixed(1)} %`)
  return html`<dl class="d-flex flex-wrap column-gap-4">
<div><dt>Mean</dt><dd>${mean === null ? 'not known' : `${mean.toFixed(decimalsOf(glucoseUnit))} ${glucoseUnit}`}</dd></div>
<div><dt>GMI</dt><dd>${percent(gmi)}</dd></div>
<div><dt>Variation (CV)</dt><dd>${percent(variation)}</dd></div>
<div><dt>Time with readings</dt><dd>${percent(active)}</dd></div>
<div><dt>Readings</dt><dd>${count} on ${days} days</dd></div>
</dl>`
}

export const decimalsOf = (unit: ChartPeriod['glucoseUnit']): number => (unit === 'mg/dL' ? 0 : 1)

const timeInRanges = ({ count, ranges }: GlucoseProfile, { glucoseUnit }: ChartPeriod): Html => {
  const rows = glucoseRanges.map((range, index) => ({ ...range, share: (100 * (ranges[index] ?? 0)) / count }))
  let before = 0
  const bars = rows.map(({ name, share }) => {
    const bar = html`<rect class="${name}" x="${before.toFixed(3)}" y="0" width="${share.toFixed(3)}" height="6"/>`
    before += share
    return bar
  })
  return html`<h3>Time in ranges</h3>
<svg class="ranges" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${bars}</svg>
<table class="table table-sm">
<caption>Part of the readings in each range, highest first</caption>
<thead><tr><th scope="col">Range</th><th scope="col">${glucoseUnit}</th><th scope="col">Time</th><th scope="col">Usual target</th></tr></thead>
<tbody>${rows.toReversed().map(({ name, bounds, share, target }) => html`<tr><th scope="row"><span class="key ${name}"></span> ${rangeNames[name]}</th><td>${bounds[glucoseUnit]}</td><td>${share.toFixed(1)} %</td><td>${target}</td></tr>`)}</tbody>
</table>`
}

const rangeNames = {
  'very-low': 'Very low',
  low: 'Low',
  'in-range': 'In range',
  high: 'High',
  'very-high': 'Very high',
} as const

const dayFigure = ({ ofDay }: GlucoseProfile, { glucoseUnit, timezone }: ChartPeriod): Html => {
  const quarters = Array.from({ length: 96 }, (_, quarter) => ofDay.find(one => one.quarter === quarter))
  const decimals = decimalsOf(glucoseUnit)
  const drawn = {
    title: 'The day',
    unit: glucoseUnit,
    style: 'day',
    decimals,
    thresholds: rangeBounds(glucoseUnit),
    percentiles: [0, 1, 2, 3, 4].map(index =>
      quarters.map(one => {
        const value = one?.percentiles[index]
        return value === undefined ? null : Number(value.toFixed(decimals + 1))
      }),
    ),
  }
  return html`<figure class="chart mb-5" data-chart="${JSON.stringify(drawn)}">
<figcaption><h3>The usual day <span class="fw-normal text-body-secondary">${glucoseUnit}</span></h3>
<p class="text-body-secondary">All days in one, by ${timezone}: the median of each quarter of an hour, half of the readings in the inner band, nine of ten in the outer.</p></figcaption>
<div class="plot" hidden></div>
<details><summary>The usual day as a table</summary>
<table class="table table-sm">
<caption>Percentiles of glucose by the time of day, ${glucoseUnit}</caption>
<thead><tr><th scope="col">From</th>${['5 %', '25 %', 'Median', '75 %', '95 %'].map(name => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${ofDay.map(({ quarter, percentiles }) => html`<tr><th scope="row">${clockOf(quarter)}</th>${percentiles.map(value => html`<td>${value.toFixed(decimals)}</td>`)}</tr>`)}</tbody>
</table>
</details>
</figure>`
}

const clockOf = (quarter: number): string =>
  `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`

/** What is in range, as lines. */
export const rangeBounds = (unit: ChartPeriod['glucoseUnit']) => {
  const [, low, high] = glucoseThresholds[unit]
  const label = `in range from ${low} to ${high} ${unit}`
  return [
    { value: low, label },
    { value: high, label },
  ]
}
