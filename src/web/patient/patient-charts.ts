import pMap from 'p-map'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { pressurePanel } from '../../fhir/measured/drawn-codes.ts'
import { anyGlucose, interstitialGlucose } from '../../fhir/measured/glucose.ts'
import type { Registry } from '../../fhir/registry.ts'
import { addDays, dayOf, daysBetween, startOfDay } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import { readGlucoseProfile } from '../../operations/glucose-profile.ts'
import { readPressureFigures } from '../../operations/pressure-figures.ts'
import type { Code } from '../../operations/readings-asked.ts'
import { aboveZero, readSeries, stepWithin } from '../../operations/series.ts'
import type { Step } from '../../storage/figures/figures.ts'
import type { Store } from '../../storage/store.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment, phrase } from '../page/time.ts'
import { timezoneAsked } from '../page/timezone-asked.ts'
import { chartFigure, withoutFigure } from './chart.ts'
import { type Drawing, drawings } from './chart-drawings.ts'
import { limitsAround } from './chart-limits.ts'
import { chartId, chartList } from './chart-list.ts'
import { type ChartPeriod, chartPeriodOf, hasDays, periodForm } from './chart-period.ts'
import type { Chart } from './drawn-chart.ts'
import { glucoseReport } from './glucose.ts'
import { newestOfEach, newestReading, newestReadingOf } from './newest-reading.ts'
import { type ChartsPage, nothingDrawn } from './nothing-drawn.ts'
import { otherReadings } from './other-readings.ts'
import { toldApart } from './told-apart.ts'

type Reading = {
  readonly registry: Registry
  readonly codeClasses: CodeClasses
  readonly store: Store
  readonly words: Words
}

/** `isProblem`: whether the days that were asked for are invalid. */
type PatientCharts = { readonly content: Html; readonly isProblem: boolean }

/**
 * What devices measured of a patient, as the reader may see it at this moment, by the same operations that serve apps. However much there is,
 * the page has a limited number of points.
 */
export const patientCharts = async (
  reading: Reading,
  page: ChartsPage,
  query: URLSearchParams,
): Promise<PatientCharts> => {
  const { path, patient, shown, devices } = page
  const { words } = reading
  const { say } = words
  const { timezone } = timezoneAsked(query)
  const asked = { ...reading, patient, timezone }
  const found = await newestOfEach(asked)
  const newest = await newestReading(asked, found)
  const readIn = (moment = Date.now()) => readFigures(reading, page, chartPeriodOf(query, moment))
  const first = await readIn(newest)
  const isEmpty = newest !== undefined && first.measured.length === 0
  const newestDrawn = isEmpty ? await newestReadingOf(asked, drawnCodes(first.period, words)) : undefined
  const isMoved = newestDrawn !== undefined && !hasDays(query)
  const { period, glucose, charts, measured } = isMoved ? await readIn(newestDrawn) : first
  const [trace, ...others] = charts.map((chart, place) => {
    if (!measured.includes(chart)) return undefined
    const id = chartId(place)
    return chart.lines.length > 0 ? chartFigure(chart, period, words, id) : withoutFigure(chart, words, id)
  })
  const isDrawn = (place: number) => measured.some(one => one === charts[place])
  const listed = drawings(period, words).map((drawing, place) => ({ ...drawing, isDrawn: isDrawn(place) }))
  const drawn = [...drawnCodes(period, words), ...pressurePanel]
  const [list, more] = await Promise.all([
    chartList({ ...reading, page, period }, found, listed),
    otherReadings({ ...asked, timezone: period.timezone, devices }, found, drawn),
  ])
  const content = html`<link rel="stylesheet" href="/static/uplot/uPlot.min.css">
<link rel="stylesheet" href="/static/chart.css">
<link rel="stylesheet" href="/static/glucose.css">
<h2>${say('chart.measurements')}</h2>
<p>${shown}</p>
${newest !== undefined && newestNote(newest, period.timezone, page, words)}
${periodForm(path, period, words)}
${list}
${measured.length === 0 && nothingDrawn(page, period, newestDrawn ?? newest, words)}
${measured.length > 0 && html`<noscript><p>${say('chart.no-script')}</p></noscript>`}
${glucose}
${trace}
${others}
${more}
${chartScripts}`
  return { content, isProblem: period.wrong !== undefined }
}

/** The charts end with the newest reading, however old it is: whoever looks is told. */
const newestNote = (newest: number, timezone: string, { old }: ChartsPage, words: Words): Html => {
  const day = dayOf(newest, timezone)
  const isOld = daysBetween(day, dayOf(Date.now(), timezone)) >= fewDays
  return html`<p>${phrase(words, 'chart.newest-on', { day: dayOrMoment(day, words) })}${isOld && old !== undefined && html` ${old}`}</p>`
}

/** Apps send some days late if a phone is off, or far from any network. */
const fewDays = 3

/** In the order in which they run; all are asked for at once, since each way there and back takes long on a phone with a slow connection. */
const chartScripts = html`<link rel="modulepreload" href="/static/chart-marks.js">
<link rel="modulepreload" href="/static/chart-scale.js">
<link rel="modulepreload" href="/static/chart-told.js">
<link rel="modulepreload" href="/static/chart-zoom.js">
<script type="module" src="/static/chart-language.js"></script>
<script defer src="/static/uplot/uPlot.iife.min.js"></script>
<script type="module" src="/static/chart.js"></script>`

type Figures = {
  readonly period: ChartPeriod
  readonly glucose: Html | undefined
  readonly charts: readonly Chart[]
  /** Those with readings, even if these have no number that can be drawn. */
  readonly measured: readonly Chart[]
}

const readFigures = async (reading: Reading, page: ChartsPage, period: ChartPeriod): Promise<Figures> => {
  const asked = { patient: page.patient, period }
  const all = drawings(period, reading.words)
  const charts = await pMap(all, drawing => chartOf(reading, asked, drawing), twoAtOnce)
  const [trace] = all
  const glucose = trace && (await glucoseOf(reading, asked, { trace, page }))
  return { period, glucose, charts, measured: charts.filter(({ lines, leftOut }) => lines.length > 0 || leftOut > 0) }
}

/** Beside much else each question waits for its turn. A page that asked for all of them at once would keep the database from everybody else. */
const twoAtOnce = { concurrency: 2 }

const drawnCodes = (period: ChartPeriod, words: Words): readonly Code[] =>
  drawings(period, words).flatMap(({ lines }) => lines.flatMap(({ codes }) => codes))

type Asked = { readonly patient: string; readonly period: ChartPeriod }

const chartOf = async (
  reading: Reading,
  { patient, period }: Asked,
  { ucum, lines, bridgesMinutes, at = 'start', limits, most = aboveZero.most, takesAverages, ...drawing }: Drawing,
): Promise<Chart> => {
  const { from, to, timezone } = period
  const step = stepOf(drawing.style, period)
  const answers: Awaited<ReturnType<typeof readSeries>>[] = []
  // An average over many days is not the number of steps of any of them.
  const wantsSum = drawing.style === 'bars'
  const possible = { ...aboveZero, most }
  const asked = {
    patient,
    from,
    to,
    timezone,
    at,
    unit: ucum,
    step,
    wantsSum,
    takesAverages: takesAverages ?? !wantsSum,
    possible,
  }
  for (const { codes } of lines) answers.push(await readSeries(reading, { ...asked, codes }))
  const stepSeconds = step.kind === 'day' ? 86_400 : step.seconds
  const all = answers.flatMap((answer, place) =>
    answer.lines.map(line => ({ ...line, place, name: lines[place]?.name })),
  )
  const names = namesOf(all, reading.words)
  const points = all.flatMap(line => line.points)
  return {
    ...drawing,
    limits: limits ?? limitsAround(points.flatMap(({ average }) => average ?? [])),
    stepSeconds,
    gapSeconds: Math.max(bridgesMinutes * 60, stepSeconds * 1.5),
    leftOut: answers.reduce((sum, { leftOut }) => sum + leftOut, 0),
    lines: all.map(({ name, place, points }, index) => ({
      label: [name, names[index]].filter(Boolean).join(', '),
      place,
      points,
    })),
    ...(drawing.figures === 'pressure' && all.length > 0 && { pressure: await readPressureFigures(reading, asked) }),
  }
}

const namesOf = (lines: Awaited<ReturnType<typeof readSeries>>['lines'], { say }: Words): readonly string[] =>
  toldApart(
    lines.map(({ source }) => ({
      name: source?.display ?? say('chart.source-unknown'),
      key: source?.reference ?? '',
    })),
  )

/** If the steps would be longer than an hour, they are days of the time zone. So none is in two days. */
const stepOf = (style: Chart['style'], period: ChartPeriod): Step => {
  const { from, to, timezone } = period
  const step = stepWithin(from, to, mostPoints)
  if (style === 'bars' || step.kind === 'day' || step.seconds > 3600) return { kind: 'day', timezone }
  return step.seconds <= halfHour || isInDays(step.seconds, period) ? step : { kind: 'width', seconds: halfHour }
}

/** Whether each day begins with a step: where clocks are changed by half an hour, it may be in the middle of one of an hour. */
const isInDays = (seconds: number, { first, last, from, timezone }: ChartPeriod): boolean =>
  Array.from({ length: daysBetween(first, last) + 1 }, (_, day) => startOfDay(addDays(first, day), timezone)).every(
    start => (start - Date.parse(from)) % (seconds * 1000) === 0,
  )

const halfHour = 1800

/** More points than a screen can show. */
const mostPoints = 2100

/**
 * Readings from interstitial fluid, if there are any: meters are used when something is wrong. Without a single number there may still be readings
 * that are known to be low or high. `trace`: how all readings are drawn.
 */
const glucoseOf = async (
  reading: Reading,
  asked: Asked,
  { trace, page }: { readonly trace: Drawing; readonly page: ChartsPage },
): Promise<Html | undefined> => {
  const { patient, period } = asked
  const { words } = reading
  const { from, to, timezone, glucoseUnit: unit } = period
  let withoutNumber: Html | undefined
  for (const [codes, of] of [
    [interstitialGlucose, 'chart.interstitial'],
    [anyGlucose, 'chart.any-glucose'],
  ] as const) {
    const profile = await readGlucoseProfile(reading, { patient, codes, from, to, timezone, unit })
    if (profile.shares.length === 0) continue
    // The figures leave averages out.
    const own = await chartOf(reading, asked, { ...trace, lines: [{ codes }], takesAverages: false })
    const report = glucoseReport(profile, period, { of: words.say(of), own, page, words })
    if (profile.count > 0) return report
    withoutNumber ??= report
  }
  return withoutNumber
}
