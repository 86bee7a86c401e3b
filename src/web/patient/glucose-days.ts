import { glucoseThresholds } from '../../fhir/measured/glucose.ts'
import { addDays, dayOfEach, daysBetween, startOfDay } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from '../page/html.ts'
import { type ChartPeriod, dayAlone } from './chart-period.ts'
import type { Chart, Line, Point } from './drawn-chart.ts'

/**
 * The days as small pictures, a row for each week, so that what comes again is seen: from the first with readings to the last. With more days, or
 * points too far apart to draw one of, there are none.
 */
export const glucoseOfDays = (
  { lines, stepSeconds, gapSeconds }: Chart,
  path: string,
  period: ChartPeriod,
  words: Words,
): Html | undefined => {
  const { timezone, glucoseUnit } = period
  if (daysBetween(period.first, period.last) >= mostDays || stepSeconds > longestStep) return undefined
  const ofDays = lines.map(line => byDay(line, timezone))
  const measured = ofDays.flatMap(ofDay => [...ofDay.keys()]).toSorted()
  const [first = '', last = first] = [measured[0], measured.at(-1)]
  if (first === last) return undefined
  const days = Array.from({ length: daysBetween(first, last) + 1 }, (_, index) => addDays(first, index))
  const isCut = first !== period.first || last !== period.last
  const scale = scaleOf(glucoseUnit)
  const picture = (day: string) => {
    const place = { day, timezone, scale, gapSeconds, halfStep: stepSeconds / 2 }
    return html`<svg viewBox="0 0 ${width} ${height}" aria-hidden="true"><rect class="target" x="0" y="${scale.y(scale.high)}" width="${width}" height="${scale.y(scale.low) - scale.y(scale.high)}"/>${ofDays.map(ofDay => stretches(ofDay.get(day) ?? [], place))}</svg>`
  }
  const { say } = words
  return html`<h3>${say('chart.each-day')} <span class="fw-normal text-body-secondary">${glucoseUnit}</span></h3>
<p class="text-body-secondary">${say('chart.each-day-text', { low: words.number(scale.low), high: words.number(scale.high), unit: glucoseUnit, top: scale.top })}${isCut && ` ${say('chart.each-day-cut')}`}</p>
<svg class="visually-hidden" aria-hidden="true"><clipPath id="above-target"><rect x="0" y="0" width="${width}" height="${scale.y(scale.high)}"/></clipPath><clipPath id="below-target"><rect x="0" y="${scale.y(scale.low)}" width="${width}" height="${height}"/></clipPath></svg>
<ol class="days list-unstyled from-${weekday(first)}">${days.map(day => html`<li><a href="${dayAlone(path, period, day)}">${words.shortDay(new Date(day))}</a>${picture(day)}</li>`)}</ol>`
}

/** A month. */
const mostDays = 31
const longestStep = 3600

const [width, height] = [96, 64]

/** Monday is the first of seven. */
const weekday = (day: string): number => ((new Date(day).getUTCDay() + 6) % 7) + 1

const scaleOf = (unit: ChartPeriod['glucoseUnit']) => {
  const [, low, high] = glucoseThresholds[unit]
  const top = unit === 'mg/dL' ? 350 : 21
  const y = (value: number): number => Number((height * (1 - Math.min(Math.max(value, 0), top) / top)).toFixed(1))
  return { low, high, top, y, middle: y((low + high) / 2) }
}

const byDay = ({ points }: Line, timezone: string): ReadonlyMap<string, readonly Point[]> => {
  const days = dayOfEach(
    points.map(({ start }) => start * 1000),
    timezone,
  )
  return Map.groupBy(points, (_, index) => days[index] ?? '')
}

type Place = {
  readonly day: string
  readonly timezone: string
  readonly scale: ReturnType<typeof scaleOf>
  readonly gapSeconds: number
  readonly halfStep: number
}

/** Lines without gaps, and what is above and below the target range as areas. */
const stretches = (
  points: readonly Point[],
  { day, timezone, scale, gapSeconds, halfStep }: Place,
): readonly Html[] => {
  const [begin, end] = [startOfDay(day, timezone) / 1000, startOfDay(addDays(day, 1), timezone) / 1000]
  const drawn = points.flatMap(({ start, average }) =>
    average === null ? [] : [{ start, average, x: (width * (start + halfStep - begin)) / (end - begin) }],
  )
  const parts: (typeof drawn)[] = []
  for (const point of drawn) {
    const before = parts.at(-1)?.at(-1)
    if (before === undefined || point.start - before.start > gapSeconds) parts.push([])
    parts.at(-1)?.push(point)
  }
  return parts.map(part => {
    // A single point is a short line.
    const ends = part.length === 1 ? [...part, ...part.map(one => ({ ...one, x: one.x + 1 }))] : part
    const line = ends.map(({ x, average }) => `${x.toFixed(1)} ${scale.y(average)}`).join(' ')
    const [from = 0, to = 0] = [ends[0]?.x, ends.at(-1)?.x]
    const area = `M${from.toFixed(1)} ${scale.middle}L${line} ${to.toFixed(1)} ${scale.middle}Z`
    const isAbove = part.some(({ average }) => average > scale.high)
    const isBelow = part.some(({ average }) => average < scale.low)
    return html`${isAbove && html`<path class="above" clip-path="url(#above-target)" d="${area}"/>`}${isBelow && html`<path class="below" clip-path="url(#below-target)" d="${area}"/>`}<path class="line" d="M${line}"/>`
  })
}
