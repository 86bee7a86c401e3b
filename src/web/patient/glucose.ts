import { glucoseRanges, glucoseThresholds } from '../../fhir/measured/glucose.ts'
import { daysBetween } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { GlucoseProfile } from '../../operations/glucose-profile.ts'
import { type Html, html } from '../page/html.ts'
import { fewSources, spoken } from './chart.ts'
import { glucoseLimits } from './chart-limits.ts'
import type { ChartPeriod } from './chart-period.ts'
import { drawnNumber } from './drawn-number.ts'

/**
 * What the international consensus on continuous glucose monitoring requires of a report: the figures, the time in ranges, and the day as
 * percentiles. https://doi.org/10.2337/dci19-0028
 */
export const glucoseReport = (
  profile: GlucoseProfile,
  period: ChartPeriod,
  { of, sources, words }: { readonly of: string; readonly sources: readonly string[]; readonly words: Words },
): Html => html`<section>
<h2>${words.say('chart.profile')}</h2>
<p class="text-body-secondary">${words.say('chart.profile-from', { of })}</p>
${sources.length > 1 && html`<p class="border-start border-4 border-warning ps-3">${words.say('chart.profile-sources', { sources: sourcesNamed(sources, words) })}</p>`}
${isEnough(profile, period) ? '' : html`<p class="border-start border-4 border-warning ps-3">${words.say('chart.profile-little')}</p>`}
${isBeyond(profile, period) && html`<p class="border-start border-4 border-warning ps-3">${words.say('chart.profile-beyond', limitsIn(period))}</p>`}
${figures(profile, period, words)}
${timeInRanges(profile, period, words)}
${profile.ofDay.length > 0 && dayFigure(profile, period, words)}
</section>`

const sourcesNamed = (sources: readonly string[], words: Words): string =>
  sources.length > fewSources ? words.say('chart.many-sources', { count: sources.length }) : words.list(sources)

const isBeyond = ({ lowest, highest }: GlucoseProfile, period: ChartPeriod): boolean => {
  const { low, high } = limitsIn(period)
  return lowest !== null && highest !== null && (lowest < low || highest > high)
}

const limitsIn = ({ glucoseUnit: unit }: ChartPeriod) => {
  const [low, high] = glucoseLimits[unit]
  return { low, high, unit }
}

const isEnough = ({ active }: GlucoseProfile, { first, last }: ChartPeriod): boolean =>
  daysBetween(first, last) + 1 >= 14 && active >= 70

const figures = (
  { count, days, active, mean, variation, gmi }: GlucoseProfile,
  { glucoseUnit }: ChartPeriod,
  { say, number }: Words,
): Html => {
  const unknown = say('chart.not-known')
  const percent = (value: number | null) => (value === null ? unknown : `${number(value, 1)} %`)
  return html`<dl class="d-flex flex-wrap column-gap-4">
<div><dt>${say('chart.mean')}</dt><dd>${mean === null ? unknown : `${number(mean, decimalsOf(glucoseUnit))} ${glucoseUnit}`}</dd></div>
<div><dt>${say('chart.gmi')}</dt><dd>${percent(gmi)}</dd></div>
<div><dt>${say('chart.variation')}</dt><dd>${percent(variation)}</dd></div>
<div><dt>${say('chart.active')}</dt><dd>${percent(active)}</dd></div>
<div><dt>${say('chart.readings')}</dt><dd>${say(days === 1 ? 'chart.count-on-day' : 'chart.count-on-days', { count, days })}</dd></div>
</dl>
<p class="text-body-secondary">${say('chart.figures-text')}</p>`
}

export const decimalsOf = (unit: ChartPeriod['glucoseUnit']): number => (unit === 'mg/dL' ? 0 : 1)

const timeInRanges = (
  { count, ranges, shares }: GlucoseProfile,
  { glucoseUnit }: ChartPeriod,
  { say, number }: Words,
): Html => {
  const bound = (text: string) => number(Number(text), decimalsOf(glucoseUnit))
  const rows = glucoseRanges.map((range, index) => ({ ...range, share: shares[index] ?? 0 }))
  const bounded = ranges.reduce((sum, of) => sum + of, 0) - count
  let before = 0
  const bars = rows.map(({ name, share }) => {
    const bar = html`<rect class="${name}" x="${before.toFixed(3)}" y="0" width="${share.toFixed(3)}" height="6"/>`
    before += share
    return bar
  })
  return html`<h3>${say('chart.ranges')}</h3>
<svg class="ranges" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${bars}</svg>
<div class="table-responsive" tabindex="0" role="region" aria-label="${say('chart.ranges')}"><table class="table table-sm">
<caption>${say('chart.ranges-caption')}</caption>
<thead><tr><th scope="col">${say('chart.range')}</th><th scope="col">${glucoseUnit}</th><th scope="col">${say('chart.time')}</th><th scope="col">${say('chart.target')}</th></tr></thead>
<tbody>${rows.toReversed().map(({ name, bounds, share, ...range }) => html`<tr><th scope="row"><span class="key ${name}"></span> ${say(`chart.${name}`)}</th><td>${bounds[glucoseUnit].replace(/[\d.]+/g, bound)}</td><td>${number(share, 1)} %</td><td><bdi>${range.target}</bdi>${'targetWith' in range && ` ${say('chart.target-with', { range: say(`chart.${range.targetWith}`).toLowerCase() })}`}</td></tr>`)}</tbody>
</table></div>
${bounded > 0 && html`<p class="text-body-secondary">${say('chart.ranges-bounded', { count: bounded })}</p>`}`
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
    percentiles: [0, 1, 2, 3, 4].map(index =>
      quarters.map(one => {
        const value = one?.percentiles[index]
        return value === undefined ? null : drawnNumber(value, decimals)
      }),
    ),
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

const clockOf = (quarter: number): string =>
  `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`

/** The bounds of the target range, as lines. */
export const rangeBounds = (unit: ChartPeriod['glucoseUnit'], { say }: Words) => {
  const [, low, high] = glucoseThresholds[unit]
  const label = say('chart.bounds', { low, high, unit })
  return [
    { value: low, label },
    { value: high, label },
  ]
}
