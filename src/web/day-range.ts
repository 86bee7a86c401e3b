/** Whole days in UTC, as a form says them: the last one is included. Texts that are no days are told, and ask nothing. */
export type DayRange = {
  readonly from: string
  readonly until: string
  readonly problems: { readonly from: boolean; readonly until: boolean }
}

export const dayRangeIn = (query: URLSearchParams): DayRange => {
  const [from, until] = [query.get('from')?.trim() ?? '', query.get('until')?.trim() ?? '']
  return { from, until, problems: { from: isWrong(from), until: isWrong(until) } }
}

/** As `_lastUpdated` has it. */
export const lastUpdatedIn = ({ from, until, problems }: DayRange): readonly (readonly [string, string])[] => [
  ...(from === '' || problems.from ? [] : [['_lastUpdated', `ge${from}`] as const]),
  ...(until === '' || problems.until ? [] : [['_lastUpdated', `le${until}`] as const]),
]

const isWrong = (text: string): boolean =>
  text !== '' && !(/^(?:19|20)\d\d-\d\d-\d\d$/.test(text) && isInCalendar(text))

const isInCalendar = (text: string): boolean => {
  const time = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
}
