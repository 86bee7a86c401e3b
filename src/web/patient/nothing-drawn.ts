import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from '../page/html.ts'
import { type ChartPeriod, newestDays } from './chart-period.ts'

/** `isReader`: whether the patient is the reader. */
export type ShownPatient = { readonly id: string; readonly isReader: boolean }

/** If there never were any readings, choosing other days does not help. */
export const nothingDrawn = (
  { id, isReader }: ShownPatient,
  period: ChartPeriod,
  newest: number | undefined,
  { say }: Words,
): Html => {
  const { first, last, from, to } = period
  if (newest === undefined)
    return isReader
      ? html`<p>${say('chart.never-own')}</p>
<p><a href="/account/apps">${say('sharing.apps')}</a></p>`
      : html`<p>${say('chart.never-shared')}</p>`
  const isElsewhere = newest < Date.parse(from) || newest >= Date.parse(to)
  return html`<p>${say('chart.nothing', { first, last })}${isElsewhere && html` <a href="${newestDays(id, period)}">${say('chart.newest')}</a>`}</p>`
}
