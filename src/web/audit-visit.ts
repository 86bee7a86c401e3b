import type { AuditLine } from './audit-line.ts'

/** What somebody did by one request, or, where it is not said within which, at one go. */
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
    const last = visits.at(-1)
    const before = last?.at(-1)
    if (last !== undefined && before !== undefined && areOfOne(before, line)) last.push(line)
    else visits.push([line])
  }
  return visits.flatMap(([first, ...others]) => (first === undefined ? [] : [toVisit(first, others)]))
}

const areOfOne = (one: AuditLine, other: AuditLine): boolean => {
  if (one.who !== other.who || one.app !== other.app || one.request !== other.request) return false
  return one.request !== undefined || Math.abs(one.recorded.getTime() - other.recorded.getTime()) <= mostPauseMs
}

/** Between what was done at one go, on a busy day. */
const mostPauseMs = 5000

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
