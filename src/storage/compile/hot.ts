import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Expression } from '../../search/expression.ts'
import type { Value } from '../../search/value.ts'

// Observations are by far the most, and are asked about the most. What most searches ask is kept beside their content: in narrow columns of
// `observation`, and in `observation_code`, which has a row for an Observation's own code and one for each of its components. "Hot" are the
// parameters that these answer, and that have no index of their own; "the body" is the content.

/** Hot parameters whose values are in the columns. */
const inColumns: ReadonlySet<string> = new Set([
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

/** These, and those for which the columns find the code, and the body has the value. */
const hot: ReadonlySet<string> = new Set([
  ...inColumns,
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

/** Whether the indexes of tokens, strings, dates and numbers leave the parameter out. */
export const isHot = ({ base, code }: SearchParameter): boolean => base === 'Observation' && hot.has(code)

/** Whether a question about an Observation is answered without its body: by the columns and the tables of consent. */
export const needsNoBody = (expression: Expression): boolean => {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.of.every(needsNoBody)
    case 'not':
      return needsNoBody(expression.of)
    case 'match':
      return isHot(expression.parameter) && isInColumns(expression.parameter, expression.value)
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

/** `system|` means any code of the system, whatever its class, and a value that is a string or date is in the body alone. */
const isInColumns = ({ code }: SearchParameter, value: Value): boolean => {
  if (!inColumns.has(code)) return false
  switch (value.kind) {
    case 'token':
      return value.code !== undefined
    case 'quantity':
      return !namesNoSystem(value)
    case 'reference':
      // A subject's bare id may be that of a Group.
      return value.type === 'Patient' || code === 'patient'
    case 'concepts':
    case 'date':
      return true
    default:
      return false
  }
}

/** `5.4||mg` may mean Quantity.code or Quantity.unit, and only the body has both. */
export const namesNoSystem = (value: Value): boolean =>
  value.kind === 'quantity' && value.unit !== undefined && value.unit.system === undefined
