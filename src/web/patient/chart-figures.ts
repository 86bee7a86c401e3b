import { addDays, dayOf, daysBetween } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from '../page/html.ts'
import type { ChartPeriod } from './chart-period.ts'
import { dayFigures, figuresOf } from './day-figures.ts'
import type { Chart, Figure, Figures, FiguresKind, Line } from './drawn-chart.ts'
import { pressureFigures } from './pressure-figures.ts'

export const chartFigures = (chart: Chart, period: ChartPeriod, words: Words): Html | undefined => {
  const { told, notes = [] } = chart.figures === undefined ? none : figuresAs[chart.figures](chart, period, words)
  if (told.length === 0) return undefined
  return html`<dl class="facts">${told.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${notes.length > 0 && html`<p class="text-body-secondary">${notes.join(' ')}</p>`}`
}

const none: Figures = { told: [] }

type FiguresOf = (chart: Chart, period: ChartPeriod, words: Words) => Figures

const spread: FiguresOf = ({ lines, unit, decimals }, _, { say, number }) => {
  const { count, mean, minimum, maximum } = figuresOf(lines.flatMap(({ points }) => points))
  if (count === 0) return none
  const told = (value: number) => `${number(value, decimals)} ${unit}`
  return {
    told: [
      [say('chart.mean'), told(mean)],
      [say('chart.lowest'), told(minimum)],
      [say('chart.highest'), told(maximum)],
      [say('chart.readings'), number(count)],
    ],
  }
}

/** The rate at rest comes first: devices that know it say so, and nothing else is taken for it. */
const atRest: FiguresOf = (chart, period, words) => {
  const { say, number } = words
  const [measured, resting] = [0, 1].map(of => ({ ...chart, lines: chart.lines.filter(({ place }) => place === of) }))
  const all = measured === undefined ? none : spread(measured, period, words)
  const rest = figuresOf(resting?.lines.flatMap(({ points }) => points) ?? [])
  if (rest.count === 0) return { told: all.told, notes: [say('chart.not-at-rest')] }
  const days = resting?.lines.flatMap(({ points }) => dayFigures(points, period.timezone).map(({ day }) => day))
  const mean = `${number(rest.mean, chart.decimals)} ${chart.unit}`
  return { told: [[say('chart.mean-at-rest'), ofDaysIn(mean, new Set(days).size, words)], ...all.told] }
}

/** Days without readings are no days without steps, and today is not over. */
const ofDays: FiguresOf = ({ lines, decimals }, { first, last, timezone }, { say, number }) => {
  const today = dayOf(Date.now(), timezone)
  const isRunning = last >= today
  const over = Math.max(0, daysBetween(first, isRunning ? addDays(today, -1) : last) + 1)
  const told = lines.flatMap((line): readonly Figure[] => {
    const days = dayFigures(line.points, timezone).filter(({ day }) => day < today)
    if (days.length === 0) return []
    const mean = number(meanOf(days.map(({ sum }) => sum)), decimals)
    return [
      [
        nameOf(say('chart.mean-of-day'), line, lines),
        say(over === 1 ? 'chart.of-all-day' : 'chart.of-all-days', {
          mean,
          days: days.length,
          ...(over !== 1 && { over }),
        }),
      ],
    ]
  })
  return { told, notes: [say('chart.days-left-out'), ...(isRunning ? [say('chart.today-left-out')] : [])] }
}

const ofNights: FiguresOf = ({ lines, decimals }, { timezone }, words) => {
  const { say, number } = words
  const told = lines.flatMap((line): readonly Figure[] => {
    const nights = dayFigures(line.points, timezone).map(({ sum }) => sum)
    if (nights.length === 0) return []
    const [hours, shortest, longest] = [meanOf(nights), Math.min(...nights), Math.max(...nights)].map(
      value => `${number(value, decimals)} h`,
    )
    const named = (name: string) => nameOf(name, line, lines)
    const mean = ofNightsIn(hours ?? '', nights.length, words)
    if (nights.length === 1) return [[named(say('chart.mean-of-night')), mean]]
    return [
      [named(say('chart.mean-of-night')), mean],
      [named(say('chart.shortest-longest')), say('chart.between', { low: shortest ?? '', high: longest ?? '' })],
      [named(say('chart.deviation')), `${number(deviationOf(nights), decimals)} h`],
    ]
  })
  return { told, notes: [say('chart.nights-left-out')] }
}

/** By the means of the first and the last day, since scales are stood on twice. */
const change: FiguresOf = ({ lines, unit, decimals }, { timezone }, words) => {
  const { say, number } = words
  const told = lines.flatMap((line): readonly Figure[] => {
    const days = dayFigures(line.points, timezone)
    const [first, last] = [days[0], days.at(-1)]
    if (first === undefined || last === undefined) return []
    const on = ({ day, mean }: typeof first) =>
      say('chart.on-day', { value: `${number(mean, decimals)} ${unit}`, day: words.shortDay(new Date(day)) })
    const named = (name: string) => nameOf(name, line, lines)
    if (first === last) return [[named(say('chart.last-value')), on(last)]]
    const [by, percent] = [last.mean - first.mean, (100 * (last.mean - first.mean)) / first.mean]
    return [
      [named(say('chart.first-value')), on(first)],
      [named(say('chart.last-value')), on(last)],
      [named(say('chart.change')), `${signed(by, decimals, words)} ${unit} (${signed(percent, 1, words)} %)`],
    ]
  })
  return { told }
}

const figuresAs: Readonly<Record<FiguresKind, FiguresOf>> = {
  spread,
  'at-rest': atRest,
  'of-days': ofDays,
  'of-nights': ofNights,
  change,
  pressure: ({ pressure = {} }, _, words) => pressureFigures(pressure, words),
}

const ofDaysIn = (mean: string, days: number, { say }: Words): string =>
  days === 1 ? say('chart.of-day', { mean }) : say('chart.of-days', { mean, days })

const ofNightsIn = (mean: string, nights: number, { say }: Words): string =>
  nights === 1 ? say('chart.of-night', { mean }) : say('chart.of-nights', { mean, nights })

/** With its source, if there are several. */
const nameOf = (name: string, { label }: Line, lines: readonly Line[]): string =>
  lines.length > 1 ? `${name}: ${label}` : name

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** That of a sample. */
const deviationOf = (values: readonly number[]): number => {
  const mean = meanOf(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}

const signed = (value: number, decimals: number, { number }: Words): string => {
  const told = number(Math.abs(value), decimals)
  if (told === number(0, decimals)) return told
  return `${value < 0 ? '\u2212' : '+'}${told}`
}
