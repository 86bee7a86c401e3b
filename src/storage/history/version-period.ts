import type { ResourceType } from '@medplum/fhirtypes'
import type { Interval } from '../../fhir/date.ts'
import { historyOf, tableOf } from '../row.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import type { HistoryAsked } from '../store.ts'

/** The version under the alias is one that the history is asked for. https://hl7.org/fhir/R4/http.html#history */
export const inPeriod = (
  type: ResourceType,
  alias: string,
  { since, at }: Pick<HistoryAsked, 'since' | 'at'>,
): readonly SqlFragment[] => [
  ...(since === undefined ? [] : [sql.fragment`${name(alias)}.last_updated >= ${since}::timestamptz`]),
  ...(at === undefined ? [] : [wasCurrent(type, alias, at)]),
]

/** "Only include resource versions that were current at some point during the time period": each was current until the next was made. */
const wasCurrent = (type: ResourceType, alias: string, { low, high }: Interval): SqlFragment => {
  const row = name(alias)
  const follows = (next: SqlFragment) =>
    sql.fragment`${next}.patient_id = ${row}.patient_id AND ${next}.pk = ${row}.pk AND ${next}.version = ${row}.version + 1`
  return sql.fragment`${row}.last_updated < ${high}::timestamptz AND coalesce(
    (SELECT next.last_updated FROM ${historyOf(type)} AS next WHERE ${follows(name('next'))}),
    (SELECT next.last_updated FROM ${tableOf(type)} AS next WHERE ${follows(name('next'))}),
    'infinity') > ${low}::timestamptz`
}
