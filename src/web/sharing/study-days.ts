import type { ResearchStudy } from '@medplum/fhirtypes'
import { intervalOfPeriod, isBefore } from '../../fhir/date.ts'
import type { Words } from '../../messages/catalogue.ts'
import { isInForce, overStatuses } from '../../storage/model/study.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment, phrase } from '../page/time.ts'

/** Until when a study goes on, as descriptions in a list; its first day is of interest only as long as it is to come. */
export const studyDays = ({ period = {} }: ResearchStudy, words: Words): Html => {
  const { start, end } = period
  return html`${start !== undefined && isToCome(period) && html`<dd>${phrase(words, 'study.begins', { day: dayInUtc(start, words) })}</dd>`}
<dd>${end === undefined ? words.say('study.open-end') : phrase(words, 'study.ends', { day: dayInUtc(end, words, 'last') })}</dd>`
}

/** Of a study that is not running: whether it is to come, or over, where its days say so. */
export const notRunning = (study: ResearchStudy, words: Words): Html => {
  const { status, period = {} } = study
  const isByItsDays = isInForce({ resourceType: 'ResearchStudy', status })
  if (!isByItsDays)
    return html`<p>${words.say(overStatuses.has(status ?? '') ? 'study.finished' : 'study.not-in-force')}</p>`
  return isToCome(period)
    ? html`<p>${phrase(words, 'study.not-begun', { day: dayInUtc(period.start ?? '', words) })}</p>`
    : html`<p>${phrase(words, 'study.over', { day: dayInUtc(period.end ?? '', words, 'last') })}</p>`
}

/** Elsewhere it begins and ends earlier or later than the day there. A moment says its own zone. */
const dayInUtc = (text: string, words: Words, end: 'first' | 'last' = 'first'): Html =>
  html`${dayOrMoment(text, words, end)}${!text.includes('T') && ' (UTC)'}`

const isToCome = (period: NonNullable<ResearchStudy['period']>): boolean => {
  const { low } = intervalOfPeriod(period)
  return low !== '-infinity' && isBefore(new Date().toISOString(), low)
}
