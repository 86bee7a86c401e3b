import { momentsOf } from '../../fhir/date.ts'
import { mistakenStatuses } from '../../fhir/measured/mistaken.ts'
import type { Registry } from '../../fhir/registry.ts'
import { dayOf, noonOf } from '../../fhir/timezone.ts'
import type { Code } from '../../operations/readings-asked.ts'
import { type Timed, timeCells } from '../../operations/rows/time-cells.ts'
import { and } from '../../search/expression.ts'
import { parseCriteria, parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'

type Asked = {
  readonly registry: Registry
  readonly store: Store
  readonly patient: string
  readonly timezone: string
}

/** The newest of each group of codes, if it is not later than now, and was not entered in error. */
export const newestOfEach = (asked: Asked): Promise<readonly Found[]> => lastOf(asked, notMistaken, mostShown)

/** As many as somebody reads; there are some sixty kinds. */
const mostShown = 200

/**
 * When the latest reading was measured, `found` being the newest of each group of codes. One that was entered in error counts only if there are no
 * others, since it is in no chart.
 */
export const newestReading = async (asked: Asked, found: readonly Found[]): Promise<number | undefined> => {
  if (await isAnyOfToday(asked, notMistaken)) return Date.now()
  const newest = latestIn(found, asked)
  if (newest !== undefined) return newest
  if (await isAnyOfToday(asked, {})) return Date.now()
  return latestIn(await lastOf(asked, {}, nearNewest), asked)
}

/** The same for a reading with one of the codes, for a patient whose latest readings have others. */
export const newestReadingOf = async (asked: Asked, codes: readonly Code[]): Promise<number | undefined> => {
  const more = {
    ...notMistaken,
    'combo-code': codes.map(({ system, code }) => `${system ?? ''}|${code}`).join(','),
  }
  if (await isAnyOfToday(asked, more)) return Date.now()
  return latestIn(await find(asked, { ...more, _count: '1' }), asked)
}

const notMistaken = { 'status:not': mistakenStatuses.join(',') } as const

type More = Readonly<Record<string, string>>

type Found = { readonly content: string }

const lastOf = async (asked: Asked, more: More, newest: number): Promise<readonly Found[]> => {
  const query = queryOf(asked, more)
  const where = and(parseCriteria(asked.registry, 'Observation', query))
  return asked.store.lastn({ where, patients: [asked.patient], max: 1, newest, applied: [...query] })
}

/** In the east, today begins before it does in UTC, and a date alone is searched as a day in UTC. */
const isAnyOfToday = async (asked: Asked, more: More): Promise<boolean> => {
  const today = dayOf(Date.now(), asked.timezone)
  if (Date.parse(today) <= Date.now()) return false
  const found = await find(asked, { ...more, date: today, _count: String(nearNewest) })
  return found.some(({ content }) => timeCells(JSON.parse(content)).start === today)
}

const find = async (asked: Asked, more: More): Promise<readonly Found[]> => {
  const { entries } = await asked.store.search(parseSearch(asked.registry, 'Observation', queryOf(asked, more)))
  return entries
}

const queryOf = ({ patient }: Asked, more: More): URLSearchParams =>
  new URLSearchParams({ subject: `Patient/${patient}`, date: `le${new Date().toISOString()}`, ...more })

/** Among these may be the latest: a reading with only a date is sorted within that day, after readings from its first hours. */
const nearNewest = 20

const latestIn = (found: readonly Found[], { timezone }: Asked): number | undefined => {
  const moments = found.flatMap(({ content }) => momentOf(JSON.parse(content), timezone) ?? [])
  return moments.length === 0 ? undefined : Math.min(Math.max(...moments), Date.now())
}

/** When a reading was measured: of a day alone, its noon. */
export const momentOf = (observation: Timed, timezone: string): number | undefined => {
  const { start = '', end = start } = timeCells(observation)
  const low = momentsOf(end)?.low
  if (low === undefined || Number.isNaN(low)) return undefined
  return end.includes('T') ? low : noonOf(new Date(low).toISOString().slice(0, 10), timezone)
}
