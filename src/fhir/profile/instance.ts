import { isObject } from '../json.ts'
import { isJson, type Json } from '../validate/walk.ts'
import type { Node } from './profile.ts'

/**
 * A value in a resource, its path, and its type if its name contains that. A primitive has its id and extensions beside it (`_birthDate`), and may
 * have no value but these.
 */
export type Instance = {
  readonly value: unknown
  readonly path: string
  readonly type?: string
  readonly beside?: unknown
}

/** The values of one element of an object, or beside a primitive: all items of a list, and any type of a choice. */
export const instancesAt = (
  node: Pick<Node, 'name' | 'isChoice'>,
  { value, path, beside }: Instance,
): readonly Instance[] => {
  const holder = isObject(value) ? value : beside
  if (!isObject(holder)) return []
  return keysOf(node, holder).flatMap(({ key, type }) => {
    const typed = type === undefined ? {} : { type }
    return partsOf(holder[key], holder[`_${key}`]).map(({ index, ...part }) => ({
      ...part,
      path: `${path}.${key}${index === undefined ? '' : `[${index}]`}`,
      ...typed,
    }))
  })
}

type Part = Pick<Instance, 'value' | 'beside'> & { readonly index?: number }

const partsOf = (found: unknown, beside: unknown): readonly Part[] => {
  if (!Array.isArray(found) && !Array.isArray(beside)) return partOf(found, beside)
  const [values, besides] = [[found ?? []].flat(), [beside ?? []].flat()]
  return Array.from({ length: Math.max(values.length, besides.length) }).flatMap((_, index) =>
    partOf(values[index], besides[index]).map(part => ({ ...part, index })),
  )
}

const partOf = (value: unknown, beside: unknown): readonly Part[] => {
  const isThere = [value, beside].some(one => one !== undefined && one !== null)
  return isThere ? [{ value: value ?? undefined, ...(isJson(beside) ? { beside } : {}) }] : []
}

const keysOf = (
  { name, isChoice }: Pick<Node, 'name' | 'isChoice'>,
  value: Json,
): readonly { key: string; type?: string }[] => {
  if (!isChoice) return [{ key: name }]
  const keys = new Set(Object.keys(value).map(key => key.replace(/^_/, '')))
  return [...keys]
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
