import { isJson, type Json } from '../validate/walk.ts'
import type { Node } from './profile.ts'

/** A value in a resource, its path, and its type if its name contains that. */
export type Instance = { readonly value: unknown; readonly path: string; readonly type?: string }

/** The values of one element of an object: all items of a list, and any type of a choice. */
export const instancesAt = (node: Pick<Node, 'name' | 'isChoice'>, { value, path }: Instance): readonly Instance[] => {
  if (!isJson(value)) return []
  return keysOf(node, value).flatMap(({ key, type }) => {
    const found = value[key]
    const typed = type === undefined ? {} : { type }
    if (Array.isArray(found))
      return found.flatMap((one, index) =>
        one === null ? [] : [{ value: one, path: `${path}.${key}[${index}]`, ...typed }],
      )
    return found === undefined || found === null ? [] : [{ value: found, path: `${path}.${key}`, ...typed }]
  })
}

const keysOf = (
  { name, isChoice }: Pick<Node, 'name' | 'isChoice'>,
  value: Json,
): readonly { key: string; type?: string }[] => {
  if (!isChoice) return [{ key: name }]
  return Object.keys(value)
    .filter(key => key.startsWith(name) && /^[A-Z]/.test(key.slice(name.length)))
    .map(key => ({ key, type: key.slice(name.length) }))
}

/** Whether a type as a definition spells it (`dateTime`) is the one at the end of a name (`DateTime`). */
export const isType = (code: string, type: string): boolean => code.charAt(0).toUpperCase() + code.slice(1) === type

/** `fixed[x]`: equal in every part. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_ */
export const equals = (fixed: unknown, value: unknown): boolean => canonical(fixed) === canonical(value)

/** `pattern[x]`: the value has everything that the pattern has; a list has an item for each item of the pattern. */
export const fits = (pattern: unknown, value: unknown): boolean => {
  if (Array.isArray(pattern)) {
    const values = Array.isArray(value) ? value : []
    return pattern.every(one => values.some(item => fits(one, item)))
  }
  if (!isJson(pattern)) return canonical(pattern) === canonical(value)
  return isJson(value) && Object.entries(pattern).every(([key, one]) => fits(one, value[key]))
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    isJson(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one,
  ) ?? ''
