import { dayOf } from '../../fhir/timezone.ts'
import type { Closing } from '../../storage/model/consent/accrual.ts'
import type { PaperText } from './paper-text.ts'

/** The day that is written on the paper, in the time zone of the place. */
export type PaperDay = { readonly signedOn: string; readonly timezone: string }

/** What may make the day on a paper too early or too late. */
export type PaperBounds = {
  /** When the patient last said no or left the study, or what they gave was ended: no earlier paper counts. */
  readonly refusedAt: Date | undefined
  /** Set if the study takes nobody new: only what was signed before that counts. */
  readonly closed: Closing | undefined
  /** The text under which the waiting Consent was recorded, or else the one that is signed now. Undefined if there is none. */
  readonly text: PaperText | undefined
}

/** Why what was signed on that day does not count; undefined if it does. */
export const reasonAgainstDay = (
  { refusedAt, text, closed }: PaperBounds,
  { signedOn, timezone }: PaperDay,
): string | undefined => {
  const last = refusedAt && dayOf(refusedAt.getTime(), timezone)
  // On that very day, nobody knows which came last.
  if (last !== undefined && signedOn <= last)
    return `They have said no, ended it or left the study on ${last}: only what was signed on a later day counts`
  const lastDay = closed && lastDayOf(closed, timezone)
  if (lastDay !== undefined && signedOn > lastDay)
    return `Nobody new comes into the study since ${lastDay}: only what was signed on that day or before counts`
  // 36 hours after the day began in UTC, it is over everywhere.
  return text !== undefined && Date.parse(signedOn) + 36 * hourMs <= text.publishedAt.getTime()
    ? `Version ${text.version} of the text is here since ${dayOf(text.publishedAt.getTime(), timezone)}: what was signed before is not this version`
    : undefined
}

/** The last day on which new patients came in; undefined if the first day of the study is still to come. */
const lastDayOf = ({ at }: Closing, timezone: string): string | undefined =>
  at === '-infinity' ? undefined : dayOf(Date.parse(at) - 1, timezone)

const hourMs = 60 * 60 * 1000
