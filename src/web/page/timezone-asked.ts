import { beginning } from '../../fhir/beginning.ts'
import { isTimezone } from '../../fhir/timezone.ts'

/** By which clock days are meant. */
export type TimezoneAsked = {
  /** UTC if none is asked for, or what is asked for is none. */
  readonly timezone: string
  /** The beginning of a text that is no time zone. */
  readonly wrongTimezone?: string
}

/** The time zone in the query of a page. */
export const timezoneAsked = (query: URLSearchParams): TimezoneAsked => {
  const asked = query.get('timezone')?.trim() || 'UTC'
  return isTimezone(asked) ? { timezone: asked } : { timezone: 'UTC', wrongTimezone: beginning(asked, 100) }
}
