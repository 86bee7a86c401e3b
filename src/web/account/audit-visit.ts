import type { AuditLine } from '../audit/audit-line.ts'

/** What somebody did by one request, or, where it is not said within which, together; at one go. */
export type Visit = Pick<AuditLine, 'recorded' | 'who' | 'app'> & {
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
  if (first.who !== line.who || first.app !== line.app || first.request !== line.request) return false
  return msBetween(last, line) <= mostPauseMs && msBetween(first, line) <= mostLengthMs
}

const msBetween = (one: AuditLine, other: AuditLine): number =>
  Math.abs(one.recorded.getTime() - other.recorded.getTime())

/** Between what was done at one go, on a busy day. */
const mostPauseMs = 5000

/** Of a visit one time is told: whatever goes on is told again. */
const mostLengthMs = 60_000

const toVisit = (first: AuditLine, others: readonly AuditLine[]): Visit => {
  const { recorded, who, app } = first
  const lines = [first, ...others]
  const alike = Map.groupBy(lines, ({ did, study, isRefused }) => [did, study, isRefused].join('\n'))
  return {
    recorded,
    who,
    app,
    deeds: [...alike.values()].flatMap(([one, ...more]) =>
      one === undefined ? [] : [{ ...one, whats: unique([one, ...more].flatMap(({ whats }) => whats)) }],
    ),
    consents: unique(lines.flatMap(({ consents }) => consents)),
  }
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
