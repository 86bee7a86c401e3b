import { systems } from '../fhir/canonical.ts'
import type { Issue, IssueCode } from '../fhir/error.ts'
import { mostIssues } from '../fhir/validate/walk.ts'
import { type Rule, type ValidationPolicy, verdicts } from './policy.ts'
import type { Repair } from './repair.ts'

/** Something about a document that a policy has to judge, with the issues for either verdict. */
export type Finding = {
  readonly rule: Rule
  readonly errors: readonly Issue[]
  readonly warnings: readonly Issue[]
  readonly repairs?: readonly Repair[]
}

type More = { readonly code?: IssueCode; readonly pointer?: string }

export const finding = (rule: Rule, message: string, expression: string, more: More = {}): Finding => {
  const { code = 'value', pointer = pointers[rule] ?? '' } = more
  return findingOf(rule, [{ code, message, expression, details: detailsOf(rule), pointer }])
}

/** JSON pointers for the rules whose place is always the same. */
const pointers: Readonly<Partial<Record<Rule, string>>> = {
  'schema-unknown': '/header/schema_id',
  'code-differs': '/header/schema_id',
  'version-differs': '/header/schema_id',
  'time-missing': '/body/effective_time_frame',
  'time-future': '/body/effective_time_frame',
  'time-zone-missing': '/body/effective_time_frame',
  'interval-order': '/body/effective_time_frame',
}

/** A finding from issues that say the same as errors and as warnings. */
export const findingOf = (rule: Rule, errors: readonly Issue[]): Finding => ({
  rule,
  errors,
  warnings: errors.map(issue => ({ ...issue, code: 'processing', severity: 'warning' })),
})

/**
 * As many findings of each rule as are reported, and one more, which says that there are more: for a series in which every point is wrong, the
 * answer would be a hundred times as long as the series. All repairs are kept, since a document that is accepted lists each of them. `told`: how
 * many there were of each rule before.
 */
export const fewOf = (findings: Iterable<Finding>, told: Map<Rule, number>): readonly Finding[] => {
  const few: Finding[] = []
  for (const one of findings) {
    const before = told.get(one.rule) ?? 0
    told.set(one.rule, before + one.errors.length)
    if (before <= mostIssues) few.push(one)
    else if (one.repairs !== undefined) few.push({ ...one, errors: [], warnings: [] })
  }
  return few
}

/** Codes of `fhir-profiles/CodeSystem-document-finding.json`. */
export const detailsOf = (code: Rule | Repair['code']) => ({ system: systems.documentFinding, code })

/** The issues for which the policy refuses the document, and those that go with them. */
export const judgedBy = (policy: ValidationPolicy, findings: readonly Finding[]) => {
  const refused = findings.filter(({ rule }) => verdicts[rule][policy] === 'refuse')
  const taken = findings.filter(({ rule }) => verdicts[rule][policy] === 'warn')
  return {
    errors: firstOf(refused.flatMap(({ errors }) => errors)),
    warnings: firstOf(taken.flatMap(({ warnings }) => warnings)),
  }
}

const firstOf = (issues: readonly Issue[]): readonly Issue[] =>
  issues.length > mostIssues ? [...issues.slice(0, mostIssues), more] : issues

const more: Issue = {
  code: 'incomplete',
  severity: 'warning',
  message: `More is to be said of it: these are the first ${mostIssues} issues`,
}
