import type { AuditLine } from './audit-line.ts'

/** What somebody did by one request: a single page of ours asks many times, and a batch does many things. */
export type Visit = Pick<AuditLine, 'recorded' | 'who' | 'app'> & {
  /** Each once. */
  readonly deeds: readonly Deed[]
  readonly consents: readonly string[]
}

export type Deed = Pick<AuditLine, 'did' | 'study' | 'isRefused'> & { readonly whats: readonly string[] }

/** In the order of the lines; what belongs to no request stands by itself. */
export const visitsOf = (lines: readonly AuditLine[]): readonly Visit[] =>
  [...Map.groupBy(lines, ({ request, who, app }) => (request === undefined ? {} : [request, who, app].join('\n')))]
    .map(([, [first, ...others]]) => first && toVisit(first, others))
    .filter(visit => visit !== undefined)

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
