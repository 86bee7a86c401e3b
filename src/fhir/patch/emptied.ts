import { isObject } from '../json.ts'

/** The lists and objects from which a patch took the last item or member. */
export type Emptied = Set<unknown>

/**
 * The document without the lists and objects that the patch has emptied, and without those that are empty for lack of these: "an array can never
 * be empty", and neither can an object, https://hl7.org/fhir/R4/json.html. What was empty before stays, and is refused.
 */
export const withoutEmptied = (document: unknown, emptied: Emptied): unknown =>
  emptied.size === 0 ? document : (rest(document, emptied) ?? document)

/** Undefined if nothing is left of it. */
const rest = (value: unknown, emptied: Emptied): unknown => {
  if (isEmptied(value, emptied)) return undefined
  if (Array.isArray(value)) {
    const items = value.map(item => rest(item, emptied)).filter(item => item !== undefined)
    return items.length === 0 && value.length > 0 ? undefined : items
  }
  if (!isObject(value)) return value
  const names = Object.keys(value)
  const left = names.flatMap(name => {
    const child = name.startsWith('_') ? restBeside(value[name], emptied) : rest(value[name], emptied)
    return child === undefined ? [] : [[name, child] as const]
  })
  return left.length === 0 && names.length > 0 ? undefined : Object.fromEntries(left)
}

/** The list beside a list of primitives must stay aligned with it: https://hl7.org/fhir/R4/json.html#primitive */
const restBeside = (value: unknown, emptied: Emptied): unknown => {
  if (!Array.isArray(value)) return rest(value, emptied)
  const items = value.map(item => rest(item, emptied) ?? null)
  return items.every(item => item === null) ? undefined : items
}

/** Still empty: later operations may have put something in again. */
const isEmptied = (value: unknown, emptied: Emptied): boolean =>
  emptied.has(value) && Object.keys(value as object).length === 0
