import { parseJson } from '../json.ts'
import type { Field } from './fields.ts'
import { refused } from './refused.ts'

/** What was read of an element: `value` has its attributes and children, `primitive` its value attribute. */
type Element = { readonly value: Readonly<Record<string, unknown>>; readonly primitive?: unknown }

/** Adds an element as a property in JSON. A primitive may have two: https://hl7.org/fhir/R4/json.html#primitive */
export const addProperty = (object: Record<string, unknown>, field: Field, { value, primitive }: Element): void => {
  const beside = Object.keys(value).length > 0 ? value : undefined
  if (field.kind !== 'primitive') put(object, field, field.name, value)
  else if (field.repeats) append(object, field.name, primitive, beside)
  else putPrimitive(object, field, primitive, beside)
}

const put = (object: Record<string, unknown>, { repeats }: Field, name: string, value: unknown): void => {
  const before = object[name]
  if (repeats && Array.isArray(before)) before.push(value)
  else if (before !== undefined) throw refused(`${name.replace('_', '')} stands more than once`)
  else object[name] = repeats ? [value] : value
}

/** If there is nothing at all, it is an empty text, which validation refuses. */
const putPrimitive = (object: Record<string, unknown>, field: Field, primitive: unknown, beside: unknown): void => {
  if (primitive !== undefined || beside === undefined) put(object, field, field.name, primitive ?? '')
  if (beside !== undefined) put(object, field, `_${field.name}`, beside)
}

/** Two lists of the same length, or only one if the other would be empty. */
const append = (object: Record<string, unknown>, name: string, primitive: unknown, beside: unknown): void => {
  const length = Math.max(lengthOf(object[name]), lengthOf(object[`_${name}`]))
  const isNothing = primitive === undefined && beside === undefined
  appendAt(object, name, length, isNothing ? '' : primitive)
  appendAt(object, `_${name}`, length, beside)
}

const lengthOf = (list: unknown): number => (Array.isArray(list) ? list.length : 0)

const appendAt = (object: Record<string, unknown>, name: string, length: number, value: unknown): void => {
  const list = object[name]
  if (Array.isArray(list)) list.push(value ?? null)
  else if (value !== undefined) object[name] = [...new Array(length).fill(null), value]
}

/** Text that is no boolean or number stays as it is, so that validation reports it with its path. */
export const jsonValue = ({ json }: Field, text: unknown): unknown => {
  if (typeof text !== 'string' || json === 'string') return text
  if (json === 'boolean') return text === 'true' || text === 'false' ? text === 'true' : text
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? parseJson(text) : text
}
