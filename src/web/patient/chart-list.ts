import { parseJson } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { pressurePanel } from '../../fhir/measured/drawn-codes.ts'
import type { Registry } from '../../fhir/registry.ts'
import { dayOf } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import { openNamedDevices } from '../../operations/rows/named-devices.ts'
import { type Reading, readingRows } from '../../operations/rows/reading-rows.ts'
import { timeCells } from '../../operations/rows/time-cells.ts'
import type { Store } from '../../storage/store.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment, phrase } from '../page/time.ts'
import type { Drawing } from './chart-drawings.ts'
import { type ChartPeriod, daysUpTo } from './chart-period.ts'
import { momentOf } from './newest-reading.ts'
import type { ChartsPage } from './nothing-drawn.ts'
import { textOf } from './reading-text.ts'
import { readingsBySource } from './readings-by-source.ts'

type Asked = {
  readonly registry: Registry
  readonly store: Store
  readonly words: Words
  readonly codeClasses: CodeClasses
  readonly page: Pick<ChartsPage, 'path' | 'devices'>
  readonly period: ChartPeriod
}

/**
 * For each chart, when the newest of its readings was measured, and by which device, however long ago: whoever looks for a minute sees there since
 * when nothing has come. It leads to the chart or, if the days that are shown have none, to the days that do. `isDrawn`: whether they have one.
 */
export const chartList = async (
  asked: Asked,
  newest: readonly { readonly content: string }[],
  drawings: readonly (Drawing & { readonly isDrawn: boolean })[],
): Promise<Html | undefined> => {
  const { words, page, period } = asked
  const readings = newest.map(({ content }) => parseJson(content) as Reading)
  const latest = drawings.flatMap((drawing, place) => {
    const reading = latestOf(readings, drawing, asked)
    return reading === undefined ? [] : [{ drawing, place, reading }]
  })
  if (latest.length === 0) return undefined
  const devices = await devicesOf(
    asked,
    latest.map(({ reading }) => reading),
  )
  const lines = latest.map(({ drawing, place, reading }, index) => {
    const { start = '', end = start } = timeCells(reading)
    const last = dayOf(momentOf(reading, period.timezone) ?? 0, period.timezone)
    const to = drawing.isDrawn ? `#${chartId(place)}` : daysUpTo(page.path, period, last)
    return html`<li><a href="${to}">${drawing.title}</a> <span class="d-block text-body-secondary">${phrase(words, 'chart.last-measured', { at: dayOrMoment(end, words, 'last'), device: devices[index] ?? words.say('chart.source-unknown') })}${!drawing.isDrawn && ` ${words.say('chart.not-in-days')}`}</span></li>`
  })
  return html`<h3>${words.say('chart.newest-of-each')}</h3>
<ul class="list-unstyled columns row-gap-2 align-items-start">${lines}</ul>`
}

/** Of the figure of a chart, by its place among all. */
export const chartId = (place: number): string => `chart-${place}`

const latestOf = (
  readings: readonly Reading[],
  { lines }: Drawing,
  { codeClasses, period }: Asked,
): Reading | undefined => {
  const own = lines.flatMap(({ codes }) => codes)
  const classOf = ({ system, code }: { readonly system?: string | undefined; readonly code?: string }) =>
    code === undefined ? undefined : codeClasses.classOf(system, code)
  const classes = new Set(own.map(classOf))
  // A blood pressure is in a chart by its components.
  const isPressure = ({ code: { coding = [] } = {} }: Reading) =>
    coding.some(one => pressurePanel.map(classOf).includes(classOf(one)))
  const hasCode = ({ coding = [] }: NonNullable<Reading['code']> = {}) => coding.some(one => classes.has(classOf(one)))
  const timed = readings
    .filter(one => hasCode(one.code) || (isPressure(one) && one.component?.some(part => hasCode(part.code))))
    .flatMap(reading => {
      const at = momentOf(reading, period.timezone)
      return at === undefined ? [] : [{ reading, at }]
    })
  return timed.reduce<(typeof timed)[number] | undefined>(
    (last, one) => (last === undefined || one.at > last.at ? one : last),
    undefined,
  )?.reading
}

const devicesOf = async (asked: Asked, readings: readonly Reading[]): Promise<readonly (string | undefined)[]> => {
  const { learn, nameDevice } = openNamedDevices(asked)
  const named = asked.page.devices === 'named' ? readings : await readingsBySource(asked, readings)
  await learn(named)
  return named.map(reading => {
    const [[, , , , , , , device] = []] = [...readingRows([reading], { nameKind: () => undefined, nameDevice })]
    const name = device === undefined ? undefined : textOf(device)
    // What has no name, or may not be seen, is not called by its id.
    return name?.startsWith('Device/') ? undefined : name
  })
}
