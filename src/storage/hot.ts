import type { SearchParameter } from '../fhir/search-parameter.ts'

/** Parameters of Observation that its own narrow columns and observation_code answer. */
const hot: ReadonlySet<string> = new Set([
  'code',
  'combo-code',
  'component-code',
  'patient',
  'subject',
  'date',
  'value-quantity',
  'combo-value-quantity',
  'component-value-quantity',
  'value-string',
  'value-date',
])

/** Whether the token, string, date and number indexes leave the parameter out. */
export const isHot = ({ base, code }: SearchParameter): boolean => base === 'Observation' && hot.has(code)
