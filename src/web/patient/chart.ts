import type { Words } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment } from '../page/time.ts'
import { chartFigures } from './chart-figures.ts'
import type { ChartPeriod } from './chart-period.ts'
import { dayFigures } from './day-figures.ts'
import type { Chart, Line } from './drawn-chart.ts'
import { drawnNumber } from './drawn-number.ts'

/** Drawn if there is JavaScript; the same numbers are in a table below, day by day. */
export const chartFigure = (chart: Chart, period: ChartPeriod, words: Words, id: string): Html => {
  const { from, to, timezone } = period
  const { say } = words
  const { title, unit, style, lines, thresholds, decimals, limits, stepSeconds } = chart
  const drawn = {
    ...{ title, unit, style, thresholds, decimals, limits, stepSeconds, timezone },
    ...spoken(title, words),
    from: Date.parse(from) / 1000,
    to: Date.parse(to) / 1000,
    lines: lines.map(line => drawnLine(line, chart)),
    dated: datedIn(chart),
  }
  return html`<figure class="chart mb-5" id="${id}" data-chart="${JSON.stringify(drawn)}">
<figcaption><h2>${title} <span class="fw-normal text-body-secondary">${unit}</span></h2>
${lines.length > fewSources && sourceList(lines, words)}
<p class="text-body-secondary">${saidOf(chart, words)}</p></figcaption>
${chartFigures(chart, period, words)}
<div class="plot" hidden></div>
<details><summary>${say('chart.as-table', { title })}</summary>
${dayTable(chart, timezone, words)}
</details>
</figure>`
}

/** For readings that cannot be drawn, says that they were measured. */
export const withoutFigure = (
  { title, unit, leftOut }: Chart,
  { say }: Words,
  id: string,
): Html => html`<section class="mb-5" id="${id}">
<h2>${title} <span class="fw-normal text-body-secondary">${unit}</span></h2>
<p class="text-body-secondary">${say('chart.left-out', { count: leftOut })}</p>
</section>`

/** The words for a chart in the browser. */
export const spoken = (title: string, { code, say }: Words) => ({
  language: code,
  words: {
    when: say('chart.when'),
    at: say('chart.at'),
    median: say('chart.median'),
    closer: say('chart.closer'),
    picture: say('chart.picture', { title }),
    zoom: say('chart.zoom', { title }),
    nearer: say('chart.nearer'),
    farther: say('chart.farther'),
    earlier: say('chart.earlier'),
    later: say('chart.later'),
  },
})

/** More than fit into a sentence are counted, and named when asked for. */
export const fewSources = 6

const sourceList = (lines: readonly Line[], { say }: Words): Html =>
  html`<details><summary>${say('chart.sources', { count: lines.length })}</summary>
<ul>${lines.map(({ label }) => html`<li>${isolated(label)}</li>`)}</ul>
</details>`

const saidOf = (chart: Chart, words: Words): string => {
  const { lines, stepSeconds, style, thresholds, limits, leftOut } = chart
  const { say } = words
  const beyond = beyondIn(chart)
  const [low, high] = limits
  return [
    ...(lines.length > fewSources
      ? []
      : [say('chart.measured', { lines: lines.map(({ label }) => isolated(label)).join('; ') })]),
    style === 'bars' ? say('chart.a-bar') : say('chart.a-point', { duration: durationOf(stepSeconds, words) }),
    ...thresholds.map(({ label }) => say('chart.thresholds', { label })).slice(0, 1),
    ...(beyond === 0 ? [] : [say(style === 'bars' ? 'chart.above' : 'chart.beyond', { count: beyond, low, high })]),
    ...(leftOut === 0 ? [] : [say('chart.left-out', { count: leftOut })]),
  ].join(' ')
}

/** How many points are beyond the limits and marked at the edge. */
const beyondIn = ({ lines, limits: [lowest, highest], style }: Chart): number =>
  lines
    .flatMap(({ points }) => points)
    .map(({ minimum, maximum, sum }) => (style === 'bars' ? [sum] : [minimum, maximum]))
    .filter(values => values.some(value => value !== null && (value < lowest || value > highest))).length

const durationOf = (seconds: number, { say }: Words): string => {
  const [unit, length] =
    seconds >= 86_400
      ? (['day', 86_400] as const)
      : seconds >= 3600
        ? (['hour', 3600] as const)
        : (['minute', 60] as const)
  const count = seconds / length
  return count === 1 ? say(`chart.duration-${unit}`) : say(`chart.duration-${unit}s`, { count })
}

/** The times at which no reading has a time of day, so that none is shown when they are pointed at. */
const datedIn = (chart: Chart): readonly number[] => {
  const points = chart.lines.flatMap(line => line.points)
  const timed = new Set(points.flatMap(({ start, isDated }) => (isDated ? [] : start)))
  return points.flatMap(({ start, isDated }) => (isDated && !timed.has(start) ? timeOf(start, chart) : []))
}

/** A step is drawn at its middle, and a day as a bar that begins with it. */
const timeOf = (start: number, { style, stepSeconds }: Pick<Chart, 'style' | 'stepSeconds'>): number =>
  style === 'bars' ? start : start + stepSeconds / 2

/** Times and their values; null between two that are too far apart to be joined by a line. Beside the name the browser writes numbers and times. */
const drawnLine = ({ label, points }: Line, chart: Chart) => {
  const { style, gapSeconds, stepSeconds, decimals } = chart
  const at: number[] = []
  const mean: (number | null)[] = []
  const low: (number | null)[] = []
  const high: (number | null)[] = []
  const told = (value: number | null) => (value === null ? null : drawnNumber(value, decimals))
  for (const point of points) {
    const time = timeOf(point.start, chart)
    const before = at.at(-1)
    if (style !== 'bars' && before !== undefined && time - before > gapSeconds) {
      at.push(before + stepSeconds / 2)
      for (const values of [mean, low, high]) values.push(null)
    }
    at.push(time)
    mean.push(told(style === 'bars' ? point.sum : point.average))
    low.push(told(point.minimum))
    high.push(told(point.maximum))
  }
  return { label: isolated(label), at, mean, low, high }
}

const dayTable = ({ title, unit, style, lines, decimals }: Chart, timezone: string, words: Words): Html => {
  const { say } = words
  const number = (value: number) => words.number(value, decimals)
  const rows = lines.flatMap(({ label, points }) => dayFigures(points, timezone).map(day => ({ label, ...day })))
  rows.sort((one, other) => (one.day < other.day ? -1 : Number(one.day > other.day)))
  return html`<table class="table table-sm">
<caption>${say('chart.caption', { title, unit, timezone })}</caption>
<thead><tr><th scope="col">${say('chart.day')}</th>${lines.length > 1 && html`<th scope="col">${say('chart.what')}</th>`}<th scope="col">${say('chart.readings')}</th>${
    style === 'bars'
      ? html`<th scope="col">${say('chart.total')}</th>`
      : html`<th scope="col">${say('chart.mean')}</th><th scope="col">${say('chart.lowest')}</th><th scope="col">${say('chart.highest')}</th>`
  }</tr></thead>
<tbody>${rows.map(
    ({ day, label, count, sum, mean, minimum, maximum }) =>
      html`<tr><th scope="row">${dayOrMoment(day, words)}</th>${lines.length > 1 && html`<td>${label}</td>`}<td>${count}</td>${
        style === 'bars'
          ? html`<td>${number(sum)}</td>`
          : html`<td>${number(mean)}</td><td>${number(minimum)}</td><td>${number(maximum)}</td>`
      }</tr>`,
  )}</tbody>
</table>`
}
