import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from '../page/html.ts'
import { type ChartPeriod, newestDays } from './chart-period.ts'

/** `isReader`: whether it is the patient who reads. */
export type ShownPatient = { readonly id: string; readonly isReader: boolean }

/** Of what there never was it is no help to choose other days. */
export const nothingDrawn = (
  { id, isReader }: ShownPatient,
  period: ChartPeriod,
  newest: number | undefined,
  { say }: Words,
): Html => {
  const { first, last, from, to } = period
  if (newest === undefined) return html`<p>${say(isReader ? 'chart.never-own' : 'chart.never-shared')}</p>`
  const isElsewhere = newest < Date.parse(from) || newest >= Date.parse(to)
  return html`<p>${say('chart.nothing', { first, last })}${isElsewhere && html` <a href="${newestDays(id, period)}">${say('chart.newest')}</a>`}</p>`
}
