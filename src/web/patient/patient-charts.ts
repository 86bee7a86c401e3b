import type { Observation } from '@medplum/fhirtypes'
import { anyGlucose, interstitialGlucose } from '../../fhir/measured/glucose.ts'
import type { Registry } from '../../fhir/registry.ts'
import { sameDateMs } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import { readGlucoseProfile } from '../../operations/glucose-profile.ts'
import { aboveZero, readSeries, stepWithin } from '../../operations/series.ts'
import { and } from '../../search/expression.ts'
import { parseCriteria } from '../../search/parse.ts'
import type { Step } from '../../storage/figures/figures.ts'
import type { Store } from '../../storage/store.ts'
import { type Html, html } from '../page/html.ts'
import { type Chart, chartFigure, withoutFigure } from './chart.ts'
import { type Drawing, drawings } from './chart-drawings.ts'
import { limitsAround } from './chart-limits.ts'
import { type ChartPeriod, chartPeriodOf, periodForm } from './chart-period.ts'
import { glucoseReport } from './glucose.ts'
import { nothingDrawn, type ShownPatient } from './nothing-drawn.ts'

type Reading = { readonly registry: Registry; readonly store: Store; readonly words: Words }

/** `isProblem`: whether the days that were asked for are invalid. */
type PatientCharts = { readonly content: Html; readonly isProblem: boolean }

/**
 * What devices measured of a patient, as the reader may see it at this moment, by the same operations that serve apps. However much there is,
 * the page has a limited number of points.
 */
export const patientCharts = async (
  reading: Reading,
  patient: ShownPatient,
  query: URLSearchParams,
): Promise<PatientCharts> => {
  const { id, isReader } = patient
  const { words } = reading
  const { say } = words
  const newest = await newestOf(reading, id)
  const period = chartPeriodOf(query, newest ?? Date.now())
  const asked = { patient: id, period }
  const glucose = await glucoseOf(reading, asked)
  // One after another, so that a page does not keep the database from everybody else.
  const charts: Chart[] = []
  for (const drawing of drawings(period, words)) charts.push(await chartOf(reading, asked, drawing))
  const measured = charts.filter(({ lines, leftOut }) => lines.length > 0 || leftOut > 0)
  const [trace, ...others] = charts.map(chart => {
    if (!measured.includes(chart)) return undefined
    return chart.lines.length > 0 ? chartFigure(chart, period, words) : withoutFigure(chart, words)
  })
  // All readers but the patient are told the same about missing data, whether anything is withheld or not.
  const content = html`<link rel="stylesheet" href="/static/uplot/uPlot.min.css">
<link rel="stylesheet" href="/static/chart.css">
<h2>${say('chart.measurements')}</h2>
<p>${say(isReader ? 'chart.own' : 'chart.shared')}</p>
${periodForm(id, period, words)}
${measured.length === 0 && nothingDrawn(patient, period, newest, words)}
${measured.length > 0 && html`<noscript><p>${say('chart.no-script')}</p></noscript>`}
${trace}
${glucose}
${others}
<script type="module" src="/static/chart.js"></script>`
  return { content, isProblem: period.wrong !== undefined }
}

/** When the latest reading was measured, but not later than now. */
const newestOf = async ({ registry, store }: Reading, id: string): Promise<number | undefined> => {
  const query = new URLSearchParams({ subject: `Patient/${id}`, date: `le${new Date().toISOString()}` })
  const where = and(parseCriteria(registry, 'Observation', query))
  const found = await store.lastn({ where, patients: [id], max: 1, newest: nearNewest, applied: [...query] })
  const moments = found.map(({ content }) => momentOf(JSON.parse(content))).filter(time => !Number.isNaN(time))
  return moments.length === 0 ? undefined : Math.min(Math.max(...moments), Date.now())
}

/** Among these may be the latest: a reading with only a date is sorted within that day, after readings from its first hours. */
const nearNewest = 20

const momentOf = ({ effectiveDateTime, effectiveInstant, effectivePeriod }: Observation): number => {
  const text = effectiveDateTime ?? effectiveInstant ?? effectivePeriod?.end ?? effectivePeriod?.start ?? ''
  return Date.parse(text) + (text.includes('T') ? 0 : sameDateMs)
}

type Asked = { readonly patient: string; readonly period: ChartPeriod }

const chartOf = async (
  reading: Reading,
  { patient, period }: Asked,
  { ucum, lines, bridgesMinutes, at = 'start', limits, most = aboveZero.most, ...drawing }: Drawing,
): Promise<Chart> => {
  const { from, to } = period
  const step = stepOf(drawing.style, period)
  const answers: Awaited<ReturnType<typeof readSeries>>[] = []
  // An average over many days is not the number of steps of any of them.
  const wantsSum = drawing.style === 'bars'
  const possible = { ...aboveZero, most }
  const asked = { patient, from, to, at, unit: ucum, step, wantsSum, takesAverages: !wantsSum, possible }
  for (const { codes } of lines) answers.push(await readSeries(reading, { ...asked, codes }))
  const stepSeconds = step.kind === 'day' ? 86_400 : step.seconds
  const points = answers.flatMap(answer => answer.lines.flatMap(line => line.points))
  return {
    ...drawing,
    limits: limits ?? limitsAround(points.flatMap(({ average }) => average ?? [])),
    stepSeconds,
    gapSeconds: Math.max(bridgesMinutes * 60, stepSeconds * 1.5),
    leftOut: answers.reduce((sum, { leftOut }) => sum + leftOut, 0),
    lines: answers.flatMap((answer, index) =>
      answer.lines.map(({ source, points }) => ({
        label: [lines[index]?.name, source?.display ?? reading.words.say('chart.source-unknown')]
          .filter(Boolean)
          .join(', '),
        points,
      })),
    ),
  }
}

/** If the steps would be longer than an hour, they are days of the time zone, so that none is in two days. */
const stepOf = (style: Chart['style'], { from, to, timezone }: ChartPeriod): Step => {
  const step = stepWithin(from, to, mostPoints)
  const isShort = style !== 'bars' && step.kind === 'width' && step.seconds <= 3600
  return isShort ? step : { kind: 'day', timezone }
}

/** More points than a screen can show. */
const mostPoints = 2100

/** Readings from interstitial fluid, if there are any: meters are used when something is wrong. */
const glucoseOf = async (reading: Reading, { patient, period }: Asked): Promise<Html | undefined> => {
  const { from, to, timezone, glucoseUnit: unit } = period
  for (const [codes, of] of [
    [interstitialGlucose, 'chart.interstitial'],
    [anyGlucose, 'chart.any-glucose'],
  ] as const) {
    const profile = await readGlucoseProfile(reading, { patient, codes, from, to, timezone, unit })
    if (profile.count > 0) return glucoseReport(profile, period, { of: reading.words.say(of), words: reading.words })
  }
  return undefined
}
