import { glucoseRanges } from '../../fhir/measured/glucose.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { GlucoseProfile } from '../../operations/glucose-profile.ts'
import { type Html, html } from '../page/html.ts'
import { phrase } from '../page/time.ts'
import type { ChartPeriod } from './chart-period.ts'
import { decimalsOf } from './drawn-number.ts'

/**
 * The stacked bar of the published report, and beside it a row for each of its parts, which a line leads to. The parts differ by their hatching
 * as well as by their colours. https://doi.org/10.1089/dia.2019.0034
 */
export const timeInRanges = (
  { count, ranges, shares }: GlucoseProfile,
  { glucoseUnit }: ChartPeriod,
  words: Words,
): Html => {
  const { say, number } = words
  const bound = (text: string) => number(Number(text), decimalsOf(glucoseUnit))
  const rows = glucoseRanges.map((range, index) => ({ ...range, share: shares[index] ?? 0 })).toReversed()
  const bounded = ranges.reduce((sum, of) => sum + of, 0) - count
  return html`<h3>${say('chart.ranges')} <span class="fw-normal text-body-secondary">${glucoseUnit}</span></h3>
<div class="in-ranges">
${stackedBar(rows)}
<table class="table table-sm">
<caption class="visually-hidden">${say('chart.ranges-caption')}</caption>
<thead class="visually-hidden"><tr><th scope="col">${say('chart.range')}</th><th scope="col">${say('chart.time')}</th></tr></thead>
<tbody>${rows.map(row => html`<tr><th scope="row">${swatch(row.name)} ${say(`chart.${row.name}`)} <span class="d-block fw-normal text-body-secondary"><bdi>${row.bounds[glucoseUnit].replace(/[\d.]+/g, bound)}</bdi></span></th><td><strong>${number(row.share, 1)} %</strong> <span>${targetOf(row, rows, words)}</span></td></tr>`)}</tbody>
</table>
</div>
<p class="text-body-secondary">${say('chart.ranges-text')}</p>
${bounded > 0 && html`<p class="text-body-secondary">${say('chart.ranges-bounded', { count: bounded })}</p>`}`
}

type Row = (typeof glucoseRanges)[number] & { readonly share: number }

/** Some targets are those of two ranges together, so there is their sum to be compared with. */
const targetOf = (row: Row, rows: readonly Row[], words: Words): Html => {
  const target = html`<bdi>${row.target}</bdi>`
  if (!('targetWith' in row)) return phrase(words, 'chart.target-of', { target })
  const other = rows.find(({ name }) => name === row.targetWith)
  return phrase(words, 'chart.target-with', {
    share: `${words.number(row.share + (other?.share ?? 0), 1)} %`,
    range: words.say(`chart.${row.targetWith}`).toLowerCase(),
    target,
  })
}

/** In percent of its height, so that it is as high as the rows beside it. */
const stackedBar = (rows: readonly Row[]): Html => {
  const total = rows.reduce((sum, { share }) => sum + share, 0)
  let above = 0
  const parts = rows.map(({ name, share }, index) => {
    const [y, height] = [above, total === 0 ? 0 : (100 * share) / total]
    above += height
    const row = ((index + 0.5) * 100) / rows.length
    return html`${hatched(name, { width: '60%', y: `${y.toFixed(3)}%`, height: `${height.toFixed(3)}%` })}${height > 0 && html`<line x1="60%" y1="${(y + height / 2).toFixed(3)}%" x2="100%" y2="${row}%"/>`}`
  })
  return html`<svg class="ranges" aria-hidden="true">
<defs>${hatches}</defs>
${parts}
</svg>`
}

const swatch = (name: Row['name']): Html =>
  html`<svg class="key" aria-hidden="true">${hatched(name, { width: '100%', y: '0', height: '100%' })}</svg>`

const hatched = (name: Row['name'], { width, y, height }: Readonly<Record<'width' | 'y' | 'height', string>>): Html => {
  const rectangle = (fill: Html) => html`<rect ${fill} x="0" y="${y}" width="${width}" height="${height}"/>`
  return html`${rectangle(html`class="${name}"`)}${name !== 'in-range' && rectangle(html`fill="url(#hatch-${name})"`)}`
}

/** The higher, the more of one kind of stroke; the lower, the more of the other. What is in range has none. */
const hatches = [
  { name: 'very-high', size: 5, strokes: 'M-1 6 6 -1' },
  { name: 'high', size: 10, strokes: 'M-1 11 11 -1' },
  { name: 'low', size: 10, strokes: 'M-1 -1 11 11' },
  { name: 'very-low', size: 6, strokes: 'M-1 -1 7 7M-1 7 7 -1' },
].map(
  ({ name, size, strokes }) =>
    html`<pattern id="hatch-${name}" width="${size}" height="${size}" patternUnits="userSpaceOnUse"><path d="${strokes}"/></pattern>`,
)
