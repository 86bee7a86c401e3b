import type { Coding, Observation, ParametersParameter, Period, Quantity } from '@medplum/fhirtypes'
import { systems } from '../fhir/canonical.ts'
import { parseJson } from '../fhir/json.ts'
import { statisticOf } from '../fhir/measured/descriptive-statistic.ts'
import { mistakenStatuses } from '../fhir/measured/mistaken.ts'
import type { Registry } from '../fhir/registry.ts'
import type { SystemRequest } from '../interactions/interaction.ts'
import { and, type Expression } from '../search/expression.ts'
import { parseCriteria, parseSearch } from '../search/parse.ts'
import { refusal } from '../search/refusal.ts'
import { mostAsked, parseBoolean, parseWholeNumber } from '../search/written-value.ts'
import type { StatisticsRow } from '../storage/figures/figures.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { only, parametersResponse, patientOf, primitivesAmong, valuesOf } from './parameters.ts'

/** https://hl7.org/fhir/R4/observation-operation-stats.html */
export const stats: Operation = {
  name: 'stats',
  definition: 'http://hl7.org/fhir/OperationDefinition/Observation-stats',
  at: { type: 's' },
  types: ['Observation'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives, complex: ['coding', 'period'] }),
  documentation:
    'Statistics of one Patient’s values of a code, in a period or in the last so many hours: one Observation for each code and unit; for a panel, such as blood pressure, for each of its measurements. All statistics of R4 but regression, which is refused. Each has a component: a figure that there is not, as any of a code without readings but the counts, or the variance of a single reading, has a dataAbsentReason. What was entered in error or cancelled does not count, and a reading that came in two ways counts once.',
  handler: async (request, { registry, store, base }) => {
    const asked = parseStats(request, base)
    const { patient, codes, statistics } = asked
    const where = observationsAsked(asked, registry, base)
    const found: ParametersParameter[] = []
    for (const code of codes) {
      const rows = await store.statistics({ where, patient, code })
      const all = rows.length === 0 ? [nothingRead] : rows
      found.push(...all.map(row => ({ name: 'statistics', resource: toObservation(row, asked, code) })))
    }
    return parametersResponse([...found, ...(await sourcesOf())])

    async function sourcesOf(): Promise<readonly ParametersParameter[]> {
      if (!asked.include || statistics.length === 0) return []
      const query = new URLSearchParams({ _count: String(asked.limit) })
      query.append('combo-code', codes.map(tokenOf).join(','))
      const search = parseSearch(registry, 'Observation', query, { base })
      const { entries } = await store.search({ ...search, where: and(search.where, where) })
      return entries
        .map(({ content }) => parseJson(content) as Observation)
        .filter(resource => statisticOf(resource) === 'measured')
        .map(resource => ({ name: 'source', resource }))
    }
  },
}

type Code = { readonly system: string | undefined; readonly code: string }

type Asked = {
  readonly patient: string
  readonly codes: readonly Code[]
  readonly period: Period | undefined
  readonly statistics: readonly string[]
  readonly include: boolean
  readonly limit: number
}

const parseStats = (request: SystemRequest, base: string): Asked => {
  const { body } = request
  const given = primitivesAmong(request, 'stats', stats.takes())
  const [posted, ...otherPeriods] = valuesOf(body, 'period', 'valuePeriod')
  if (otherPeriods.length > 0) throw refusal('period', '"period" is given more than once')
  return {
    patient: patientOf(only(given, 'subject'), base),
    codes: parseCodes(given, valuesOf(body, 'coding', 'valueCoding')),
    // "if a duration is not provided"
    period: lastHours(only(given, 'duration')) ?? posted,
    statistics: parseStatistics(given.getAll('statistic').flatMap(text => text.split(','))),
    include: parseBoolean('include', only(given, 'include') ?? 'false'),
    limit: parseWholeNumber('limit', only(given, 'limit') ?? '100', { least: 1, most: mostAsked, cap: mostSources }),
  }
}

const mostSources = 1000

const primitives: ParameterTypes = {
  subject: 'text',
  code: 'text',
  system: 'text',
  duration: 'decimal',
  statistic: 'text',
  include: 'boolean',
  limit: 'integer',
}

const parseCodes = (given: URLSearchParams, codings: readonly Coding[]): readonly Code[] => {
  const system = only(given, 'system')
  const tokens = given.getAll('code').flatMap(text => text.split(','))
  const codes = tokens.map(text => {
    const [, before, after = text] = /^([^|]*)\|(.*)$/.exec(text) ?? []
    return { system: before ?? system, code: after }
  })
  const coded = codings.flatMap(one => (one.code === undefined ? [] : [{ system: one.system, code: one.code }]))
  const all = [...codes, ...coded]
  if (all.length > mostCodes)
    throw refusal('code', `$stats counts at most ${mostCodes} codes at once, not ${all.length}`)
  const once = new Map(all.map(one => [JSON.stringify([one.system, one.code]), one]))
  if (all.length > 0 && all.every(({ code }) => code !== '')) return [...once.values()]
  throw refusal('code', 'code or coding says what is to be counted; at least one is needed')
}

/** Each code is a query of its own. */
const mostCodes = 100

const parseStatistics = (asked: readonly string[]): readonly string[] => {
  const unknown = asked.find(one => !Object.hasOwn(displays, one))
  if (unknown !== undefined || asked.length === 0) {
    const said = unknown === undefined ? 'statistic is missing' : `"${unknown}" is no statistic here`
    throw refusal('statistic', `${said}; accepted: ${Object.keys(displays).join(', ')}`)
  }
  return asked
}

/** "from one hour ago to now": a time to come is not in it. */
const lastHours = (text: string | undefined): Period | undefined => {
  if (text === undefined) return undefined
  const hours = Number(text)
  const now = Date.now()
  if (hours > 0 && hours < 1e6) return { start: toInstant(now - hours * 3_600_000), end: toInstant(now) }
  throw refusal('duration', `duration is a number of hours above 0 and below 1000000, not "${text}"`)
}

const toInstant = (time: number): string => new Date(time).toISOString()

const observationsAsked = ({ patient, period }: Asked, registry: Registry, base: string): Expression => {
  const query = new URLSearchParams({ subject: `Patient/${patient}`, 'status:not': mistakenStatuses.join(',') })
  if (period?.start !== undefined) query.append('date', `ge${period.start}`)
  if (period?.end !== undefined) query.append('date', `le${period.end}`)
  return parseCriteria(registry, 'Observation', query, { base })
}

const tokenOf = ({ system, code }: Code): string => (system === undefined ? code : `${system}|${code}`)

const toObservation = (row: StatisticsRow, { patient, period, statistics }: Asked, asked: Code): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [codingOf(row.part ?? asked)] },
  subject: { reference: `Patient/${patient}` },
  ...(period === undefined ? {} : { effectivePeriod: period }),
  component: statistics.map(statistic => {
    const text = statistic === 'total-count' ? row.total : row.figures[statistic]
    const coding = [
      { system: systems.observationStatistics, code: statistic, display: displays[statistic] ?? statistic },
    ]
    const isThere = text !== undefined && text !== null
    return {
      code: { coding },
      ...(isThere ? { valueQuantity: quantityOf(statistic, text, row) } : { dataAbsentReason }),
    }
  }),
})

/** "One observation for each code, each containing one component for each statistic", also of what nobody has measured. */
const nothingRead: StatisticsRow = {
  part: null,
  system: null,
  unit: null,
  total: '0',
  kinds: [],
  figures: { count: '0' },
}

const dataAbsentReason = {
  coding: [{ system: systems.dataAbsentReason, code: 'not-applicable', display: 'Not Applicable' }],
}

const codingOf = ({ system, code }: Code): Coding => ({ ...(system ? { system } : {}), code })

/** Counts and shapes have no unit, and a variance has the square of one. */
const quantityOf = (statistic: string, text: string, { system, unit }: StatisticsRow): Quantity => {
  const value = parseJson(text) as number
  if (unitless.has(statistic) || unit === null) return { value }
  return statistic === 'variance'
    ? { value, unit: `(${unit})2` }
    : { value, unit, code: unit, ...(system ? { system } : {}) }
}

const unitless: ReadonlySet<string> = new Set(['count', 'total-count', 'skew', 'kurtosis'])

const displays: Readonly<Record<string, string>> = {
  average: 'Average',
  maximum: 'Maximum',
  minimum: 'Minimum',
  count: 'Count',
  'total-count': 'Total Count',
  median: 'Median',
  'std-dev': 'Standard Deviation',
  sum: 'Sum',
  variance: 'Variance',
  '20-percent': '20th Percentile',
  '80-percent': '80th Percentile',
  '4-lower': 'Lower Quartile',
  '4-upper': 'Upper Quartile',
  '4-dev': 'Quartile Deviation',
  '5-1': '1st Quintile',
  '5-2': '2nd Quintile',
  '5-3': '3rd Quintile',
  '5-4': '4th Quintile',
  skew: 'Skew',
  kurtosis: 'Kurtosis',
}
