import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment, phrase } from '../page/time.ts'
import { type ChartPeriod, newestDays } from './chart-period.ts'

/** A page with charts. */
export type ChartsPage = {
  /** Its address, without a query. */
  readonly path: string
  /** Who it is, as far as the reader may know: on paper it stands on the sheet of the glucose profile as well. */
  readonly name: string
  /** Id of the Patient whose readings are drawn. */
  readonly patient: string
  /** Whether a table says which device measured, or only from which source it came: a device may have its owner's name. */
  readonly devices: 'named' | 'by-source'
  /** Which of the readings it shows. */
  readonly shown: string
  /** What it says if there never were any. */
  readonly never: Html
  /** What it says of the newest reading if that is some days old. */
  readonly old?: string
}

/** If there never were any readings, choosing other days does not help. */
export const nothingDrawn = (
  { path, never }: ChartsPage,
  period: ChartPeriod,
  newest: number | undefined,
  words: Words,
): Html => {
  if (newest === undefined) return never
  const { first, last, from, to } = period
  const isElsewhere = newest < Date.parse(from) || newest >= Date.parse(to)
  const days = { first: dayOrMoment(first, words), last: dayOrMoment(last, words) }
  return html`<p>${phrase(words, 'chart.nothing', days)}${isElsewhere && html` <a href="${newestDays(path, period)}">${words.say('chart.newest')}</a>`}</p>`
}
