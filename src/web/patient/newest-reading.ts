import type { Observation } from '@medplum/fhirtypes'
import { momentsOf } from '../../fhir/date.ts'
import { mistakenStatuses } from '../../fhir/measured/mistaken.ts'
import type { Registry } from '../../fhir/registry.ts'
import { dayOf, noonOf } from '../../fhir/timezone.ts'
import type { Code } from '../../operations/readings-asked.ts'
import { timeCells } from '../../operations/rows/time-cells.ts'
import { and } from '../../search/expression.ts'
import { parseCriteria, parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'

type Asked = {
  readonly registry: Registry
  readonly store: Store
  readonly patient: string
  readonly timezone: string
}

/**
 * When the latest reading was measured, but not later than now. One that was entered in error counts only if there are no others, since it is in no
 * chart.
 */
export const newestReading = async (asked: Asked): Promise<number | undefined> =>
  (await latestOf(asked, notMistaken)) ?? (await latestOf(asked, {}))

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

const latestOf = async (asked: Asked, more: More): Promise<number | undefined> => {
  if (await isAnyOfToday(asked, more)) return Date.now()
  const query = queryOf(asked, more)
  const where = and(parseCriteria(asked.registry, 'Observation', query))
  const found = await asked.store.lastn({
    where,
    patients: [asked.patient],
    max: 1,
    newest: nearNewest,
    applied: [...query],
  })
  return latestIn(found, asked)
}

/** In the east, today begins before it does in UTC, and a date alone is searched as a day in UTC. */
const isAnyOfToday = async (asked: Asked, more: More): Promise<boolean> => {
  const today = dayOf(Date.now(), asked.timezone)
  if (Date.parse(today) <= Date.now()) return false
  const found = await find(asked, { ...more, date: today, _count: String(nearNewest) })
  return found.some(({ content }) => timeCells(JSON.parse(content)).start === today)
}

const find = async (asked: Asked, more: More): Promise<readonly { readonly content: string }[]> => {
  const { entries } = await asked.store.search(parseSearch(asked.registry, 'Observation', queryOf(asked, more)))
  return entries
}

const queryOf = ({ patient }: Asked, more: More): URLSearchParams =>
  new URLSearchParams({ subject: `Patient/${patient}`, date: `le${new Date().toISOString()}`, ...more })

/** Among these may be the latest: a reading with only a date is sorted within that day, after readings from its first hours. */
const nearNewest = 20

const latestIn = (found: readonly { readonly content: string }[], { timezone }: Asked): number | undefined => {
  const moments = found.flatMap(({ content }) => momentOf(JSON.parse(content), timezone) ?? [])
  return moments.length === 0 ? undefined : Math.min(Math.max(...moments), Date.now())
}

const momentOf = (observation: Observation, timezone: string): number | undefined => {
  const { start = '', end = start } = timeCells(observation)
  const low = momentsOf(end)?.low
  if (low === undefined || Number.isNaN(low)) return undefined
  return end.includes('T') ? low : noonOf(new Date(low).toISOString().slice(0, 10), timezone)
}
