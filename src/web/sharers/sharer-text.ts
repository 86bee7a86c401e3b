import { wordsFor } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import { calledIn, type SharedRecord } from '../../studies/consent/sharers.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment, moment } from '../page/time.ts'

/** The name of a patient, or a code that tells them apart from others. */
export const whoText = (record: SharedRecord): string => isolated(calledIn(record) ?? `Patient ${record.code}`)

export const withWhom = ({ to: { organization } }: Pick<SharedRecord, 'to'>): string =>
  organization === undefined ? 'you' : isolated(organization)

/** From when to when it is shared, to be said after with whom. */
export const sinceText = ({ consent: { dateTime }, until }: Pick<SharedRecord, 'consent' | 'until'>): Html =>
  html`${dateTime !== undefined && html` since ${dayOrMoment(dateTime, wordsFor('en'))}`}${until !== undefined && html`, until ${moment(until)}`}`
