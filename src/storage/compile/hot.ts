import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Expression } from '../../search/expression.ts'
import type { Value } from '../../search/value.ts'

/** Parameters of Observation whose values stand in its own narrow columns and observation_code. */
const bodiless: ReadonlySet<string> = new Set([
  'code',
  'combo-code',
  'component-code',
  'patient',
  'subject',
  'date',
  'value-quantity',
  'combo-value-quantity',
  'component-value-quantity',
])

/** All that have no index of their own: these, and those whose values stand in the body alone. */
const hot: ReadonlySet<string> = new Set([
  ...bodiless,
  'value-string',
  'value-date',
  'code-value-concept',
  'code-value-date',
  'code-value-quantity',
  'code-value-string',
  'combo-code-value-concept',
  'combo-code-value-quantity',
  'component-code-value-concept',
  'component-code-value-quantity',
])

/** Whether the token, string, date and number indexes leave the parameter out. */
export const isHot = ({ base, code }: SearchParameter): boolean => base === 'Observation' && hot.has(code)

/** Whether an Observation's question is answered without its body: by observation_code and the tables of consent. */
export const matchesHot = (expression: Expression): boolean => {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.of.every(matchesHot)
    case 'not':
      return matchesHot(expression.of)
    case 'match':
      return isHot(expression.parameter) && standsOutside(expression.parameter, expression.value)
    case 'chain':
      return expression.target === 'Patient' && isHot(expression.parameter)
    case 'all':
    case 'none':
    case 'compartment':
    case 'consented':
      return true
    default:
      return false
  }
}

/** `system|` means any code of the system, whatever its class; a string or date value stands in the body alone. */
const standsOutside = ({ code }: SearchParameter, value: Value): boolean => {
  if (!bodiless.has(code)) return false
  switch (value.kind) {
    case 'token':
      return value.code !== undefined
    case 'quantity':
      return !namesNoSystem(value)
    case 'reference':
      // A bare id as subject may be a Group.
      return value.type === 'Patient' || code === 'patient'
    case 'concepts':
    case 'date':
      return true
    default:
      return false
  }
}

/** `5.4||mg` means Quantity.code or Quantity.unit, and only the body has both. */
export const namesNoSystem = (value: Value): boolean =>
  value.kind === 'quantity' && value.unit !== undefined && value.unit.system === undefined
