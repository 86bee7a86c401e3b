import { addDays, beginningOfDay } from '../../fhir/timezone.ts'
import { timezoneAsked } from '../page/timezone-asked.ts'
import { dayAsked, dayProblem } from '../page/typed-day.ts'

/** Whole days of a time zone, as typed in a form, including the last one. Texts that are no days are reported, and do not restrict the search. */
export type DayRange = {
  readonly from: string
  readonly until: string
  /** The reader's time zone, which their browser sends; UTC if there are no scripts, or it is no known time zone. */
  readonly timezone: string
  readonly problems: {
    readonly from?: 'day' | 'range' | undefined
    readonly until?: 'day' | 'range' | 'order' | undefined
    /** The typed text that is no time zone. */
    readonly timezone?: string | undefined
  }
}

export const dayRangeIn = (query: URLSearchParams): DayRange => {
  const [from, until] = [dayAsked(query.get('from') ?? ''), dayAsked(query.get('until') ?? '')]
  const { timezone, wrongTimezone } = timezoneAsked(query)
  return {
    from,
    until,
    timezone,
    problems: {
      from: problemOf(from),
      until: problemOf(until) ?? (from !== '' && until !== '' && until < from ? 'order' : undefined),
      timezone: wrongTimezone,
    },
  }
}

/** The range as parameters `_lastUpdated`. */
export const lastUpdatedIn = ({
  from,
  until,
  timezone,
  problems,
}: DayRange): readonly (readonly [string, string])[] => {
  const begin = (day: string) => beginningOfDay(day, timezone)
  return [
    ...(from === '' || problems.from ? [] : [['_lastUpdated', `ge${begin(from)}`] as const]),
    ...(until === '' || problems.until ? [] : [['_lastUpdated', `lt${begin(addDays(until, 1))}`] as const]),
  ]
}

/** The range in an address that asks the same again. A time zone alone has no meaning. */
export const dayQueryOf = ({ from, until, timezone }: DayRange): Readonly<Record<string, string>> => ({
  from,
  until,
  timezone: from === '' && until === '' ? '' : timezone,
})

const problemOf = (text: string) => (text === '' ? undefined : dayProblem(text))
