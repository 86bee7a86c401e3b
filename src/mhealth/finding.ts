import { systems } from '../fhir/canonical.ts'
import type { Issue, IssueCode } from '../fhir/error.ts'
import { type Rule, type ValidationPolicy, verdicts } from './policy.ts'
import type { Repair } from './repair.ts'

/** One thing about a document that is for a policy to judge, and what is said in either case. */
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

/** Where it is to be looked for, of those that are always at one place. */
const pointers: Readonly<Partial<Record<Rule, string>>> = {
  'schema-unknown': '/header/schema_id',
  'code-differs': '/header/schema_id',
  'version-differs': '/header/schema_id',
  'time-missing': '/body/effective_time_frame',
  'time-future': '/body/effective_time_frame',
  'time-zone-missing': '/body/effective_time_frame',
  'interval-order': '/body/effective_time_frame',
}

/** Of issues that say the same as errors and as warnings. */
export const findingOf = (rule: Rule, errors: readonly Issue[]): Finding => ({
  rule,
  errors,
  warnings: errors.map(issue => ({ ...issue, code: 'processing', severity: 'warning' })),
})

/** Codes of `fhir-profiles/CodeSystem-document-finding.json`. */
export const detailsOf = (code: Rule | Repair['code']) => ({ system: systems.documentFinding, code })

/** What refuses the document by the policy, and what goes with it. */
export const judgedBy = (policy: ValidationPolicy, findings: readonly Finding[]) => {
  const refused = findings.filter(({ rule }) => verdicts[rule][policy] === 'refuse')
  const taken = findings.filter(({ rule }) => verdicts[rule][policy] === 'warn')
  return {
    errors: refused.flatMap(({ errors }) => errors),
    warnings: taken.flatMap(({ warnings }) => warnings),
  }
}
