import { dayOf } from '../../fhir/timezone.ts'
import type { Closing } from '../../storage/model/consent/accrual.ts'
import type { PaperText } from './paper-text.ts'

/** What is on paper: the day, in the time zone. */
export type PaperDay = { readonly signedOn: string; readonly timezone: string }

/** What a paper can be too early or too late for. */
export type PaperBounds = {
  /** When the patient last said no, or what they gave was ended: no paper from before counts. */
  readonly refusedAt: Date | undefined
  /** Where the study takes nobody new, since when: what was signed before counts. */
  readonly closed: Closing | undefined
  /** What waits was recorded under it; else it is what is signed now. Undefined where there is none. */
  readonly text: PaperText | undefined
}

/** Says why what was signed on a day counts for nothing. */
export const reasonAgainstDay = (
  { refusedAt, text, closed }: PaperBounds,
  { signedOn, timezone }: PaperDay,
): string | undefined => {
  const last = refusedAt && dayOf(refusedAt.getTime(), timezone)
  // Of what happened on that very day nobody knows what came last.
  if (last !== undefined && signedOn <= last)
    return `They have said no, or ended it, on ${last}: only what was signed on a later day counts`
  const lastDay = closed && lastDayOf(closed, timezone)
  if (lastDay !== undefined && signedOn > lastDay)
    return `Nobody new comes into the study since ${lastDay}: only what was signed on that day or before counts`
  // Wherever it was that day still.
  return text !== undefined && Date.parse(signedOn) + 36 * hourMs <= text.publishedAt.getTime()
    ? `Version ${text.version} of the text is here since ${dayOf(text.publishedAt.getTime(), 'UTC')}: what was signed before is not this version`
    : undefined
}

/** On which new patients came in still; undefined where the study has had no first day yet. */
const lastDayOf = ({ at }: Closing, timezone: string): string | undefined =>
  at === '-infinity' ? undefined : dayOf(Date.parse(at) - 1, timezone)

const hourMs = 60 * 60 * 1000
