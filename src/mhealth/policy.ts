/** What a data source or a study wants done with a document that breaks its schema or is implausible, the strictest first. */
export const validationPolicies = ['strict', 'normalise', 'accept-with-warning'] as const
export type ValidationPolicy = (typeof validationPolicies)[number]

/** What each policy does, for people. */
export const policyMeanings: Readonly<Record<ValidationPolicy, string>> = {
  strict: 'what breaks its schema, cannot be validated or cannot be true is refused.',
  normalise:
    'what breaks its schema is repaired where it has one clear meaning, and refused elsewhere; what is unlikely to be true is taken with a warning.',
  'accept-with-warning':
    'what can be read as a document is taken with a warning. What breaks its schema beyond repair keeps its code and its times; no value is derived from it, so that no statistics count it.',
}

/** For when neither the source nor a study asks for one. */
export const defaultPolicy: ValidationPolicy = 'normalise'

/** The one that applies if several are asked for: nobody gets data that were judged less strictly than they asked for. */
export const strictestOf = (asked: Iterable<string>): ValidationPolicy => {
  const all = new Set(asked)
  return validationPolicies.find(policy => all.has(policy)) ?? defaultPolicy
}

export type Verdict = 'refuse' | 'warn'

/** What no policy accepts: either there is nothing to read, or two things were said and nobody can tell which is meant. */
const refusedByAll = <Rule extends string>(...rules: readonly Rule[]) =>
  Object.fromEntries(
    rules.map(rule => [rule, { strict: 'refuse', normalise: 'refuse', 'accept-with-warning': 'refuse' }]),
  ) as Record<Rule, Record<ValidationPolicy, 'refuse'>>

/** `repaired`: what broke the schema has one clear meaning; each change is reported. */
export const verdicts = {
  'header-missing': { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  'header-incomplete': { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  'schema-unknown': { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  'schema-broken': { strict: 'refuse', normalise: 'refuse', 'accept-with-warning': 'warn' },
  repaired: { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  'version-differs': { strict: 'warn', normalise: 'warn', 'accept-with-warning': 'warn' },
  'time-missing': { strict: 'warn', normalise: 'warn', 'accept-with-warning': 'warn' },
  'time-zone-missing': { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  'time-future': { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  'interval-order': { strict: 'refuse', normalise: 'refuse', 'accept-with-warning': 'warn' },
  'value-negative': { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  'value-impossible': { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  'code-differs': { strict: 'refuse', normalise: 'refuse', 'accept-with-warning': 'warn' },
  'code-condition': { strict: 'refuse', normalise: 'warn', 'accept-with-warning': 'warn' },
  ...refusedByAll(
    'base64-broken',
    'encoding-broken',
    'json-broken',
    'nested-too-deep',
    'number-too-large',
    'unit-unreadable',
    'schema-untold',
    'documents-differ',
    'contradiction',
    'subject-differs',
    'observation-broken',
  ),
} as const satisfies Readonly<Record<string, Readonly<Record<ValidationPolicy, Verdict>>>>

export type Rule = keyof typeof verdicts
