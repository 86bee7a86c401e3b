import type { AuditLine } from '../audit/audit-line.ts'

/** What somebody did in one request, or at one go if the request is unknown. */
export type Visit = Pick<AuditLine, 'recorded' | 'who' | 'agents' | 'app'> & {
  /** Each once. */
  readonly deeds: readonly Deed[]
  readonly consents: readonly string[]
}

export type Deed = Pick<AuditLine, 'did' | 'study' | 'isRefused'> & { readonly whats: readonly string[] }

/** In the order of the lines. */
export const visitsOf = (lines: readonly AuditLine[]): readonly Visit[] => {
  const visits: AuditLine[][] = []
  for (const line of lines) {
    const visit = visits.at(-1)
    if (visit !== undefined && isOf(visit, line)) visit.push(line)
    else visits.push([line])
  }
  return visits.flatMap(([first, ...others]) => (first === undefined ? [] : [toVisit(first, others)]))
}

const isOf = (visit: readonly AuditLine[], line: AuditLine): boolean => {
  const [first, last] = [visit[0], visit.at(-1)]
  if (first === undefined || last === undefined) return false
  if (somebodyIn(first) !== somebodyIn(line) || first.request !== line.request) return false
  return msBetween(last, line) <= mostPauseMs && msBetween(first, line) <= mostLengthMs
}

/** Who it was, through which app. */
export const somebodyIn = ({ who, agents, app }: Pick<AuditLine, 'who' | 'agents' | 'app'>): string =>
  JSON.stringify([who, agents, app])

const msBetween = (one: AuditLine, other: AuditLine): number =>
  Math.abs(one.recorded.getTime() - other.recorded.getTime())

/** The longest pause within what was done at one go, on a busy day. */
const mostPauseMs = 5000

/** A visit is shown with a single time, so if it goes on for longer, another one begins. */
const mostLengthMs = 60_000

const toVisit = (first: AuditLine, others: readonly AuditLine[]): Visit => {
  const { recorded, who, agents, app } = first
  const lines = [first, ...others]
  return {
    recorded,
    who,
    agents,
    app,
    deeds: eachOnce(lines),
    consents: unique(lines.flatMap(({ consents }) => consents)),
  }
}

/** Deeds of the same kind become one, with everything that they were done to. */
export const eachOnce = (deeds: readonly Deed[]): readonly Deed[] =>
  [...Map.groupBy(deeds, ({ did, study, isRefused }) => [did, study, isRefused].join('\n')).values()].flatMap(alike =>
    alike.slice(0, 1).map(one => ({ ...one, whats: unique(alike.flatMap(({ whats }) => whats)) })),
  )

export const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
