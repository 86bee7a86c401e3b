import { beginning } from '../beginning.ts'
import type { Field } from './object.ts'
import type { Format } from './primitive.ts'
import { type Check, isJson, type Json, kindOf, report, type Walk } from './walk.ts'

export type FieldCheck = Field['check']

/** How often an element may occur. */
export type Cardinality = { readonly min: number; readonly max: number; readonly repeats: boolean }

/** A complex element, alone or in an array. */
export const complexField = (name: string, { repeats, ...limits }: Cardinality, check: Check): FieldCheck => {
  const single: FieldCheck = (value, walk) => {
    walk.path.push(name)
    if (Array.isArray(value)) report(walk, 'structure', `${name} stands once, not in an array`)
    else check(value, walk)
    walk.path.pop()
  }
  if (!repeats) return single
  return (value, walk) => {
    if (!Array.isArray(value)) {
      report(walk, 'structure', `${name} repeats: expected an array, found ${kindOf(value)}`, name)
      return
    }
    checkCount(value, limits, walk, name)
    const depth = walk.path.length
    for (let index = 0; index < value.length; index += 1) {
      walk.path[depth] = name
      walk.path[depth + 1] = index
      check(value[index], walk)
      walk.path.length = depth
    }
  }
}

export type PrimitiveRule = (value: unknown, walk: Walk) => void

/** A primitive element: checks its format first, and if that is right, everything else. */
export const primitiveField = (
  name: string,
  { repeats, ...limits }: Cardinality,
  format: Format,
  rules: readonly PrimitiveRule[],
): FieldCheck => {
  const one = (value: unknown, walk: Walk, index?: number): void => {
    const wrong = format(value)
    if (wrong === undefined && rules.length === 0) return
    const depth = walk.path.length
    walk.path.push(name)
    if (index !== undefined) walk.path.push(index)
    if (wrong !== undefined) report(walk, codeFor(value), wrongValue(wrong, value))
    else for (const rule of rules) rule(value, walk)
    walk.path.length = depth
  }
  if (!repeats) return (value, walk) => one(value, walk)
  return (value, walk, parent) => {
    if (!Array.isArray(value)) {
      report(walk, 'structure', `${name} repeats: expected an array, found ${kindOf(value)}`, name)
      return
    }
    checkCount(value, limits, walk, name)
    const extensions = parent[`_${name}`]
    for (let index = 0; index < value.length; index += 1) {
      if (value[index] !== null) one(value[index], walk, index)
      else if (!isExtendedAt(extensions, index)) {
        report(walk, 'structure', `null stands only where _${name} has an extension at the same place`, name, index)
      }
    }
  }
}

/** `_birthDate`: the id and extensions of a primitive, alone or in an array, with nulls for items that have none. */
export const extensionField = (
  key: string,
  name: string,
  { repeats }: Cardinality,
  { alone, valued }: { readonly alone: Check; readonly valued: Check },
): FieldCheck => {
  const beside = (value: unknown): Check => (value === undefined || value === null ? alone : valued)
  if (!repeats)
    return (extension, walk, parent) =>
      complexField(name, { min: 0, max: 1, repeats }, beside(parent[key]))(extension, walk, parent)
  return (value, walk, parent) => {
    if (!Array.isArray(value) || value.length === 0) {
      report(walk, 'structure', `_${key} stands beside an array: expected one, not empty`, name)
      return
    }
    const values = parent[key]
    value.forEach((extension, index) => {
      walk.path.push(name, index)
      const valueThere = Array.isArray(values) ? values[index] : undefined
      if (extension !== null) beside(valueThere)(extension, walk)
      else if (valueThere === undefined || valueThere === null) {
        report(walk, 'structure', `null stands only where ${key} has a value at the same place`)
      }
      walk.path.length -= 2
    })
  }
}

const isExtendedAt = (extensions: unknown, index: number): boolean =>
  Array.isArray(extensions) && isJson(extensions[index] as Json)

const checkCount = (
  { length }: readonly unknown[],
  { min, max }: { readonly min: number; readonly max: number },
  walk: Walk,
  name: string,
): void => {
  if (length === 0) report(walk, 'structure', `${name} is an empty array: an element without a value is left out`, name)
  else if (length < min) report(walk, 'required', `${name} stands at least ${min} times, found ${length}`, name)
  else if (length > max) report(walk, 'structure', `${name} stands at most ${max} times, found ${length}`, name)
}

/** The wrong kind of JSON value is a fault of structure, the wrong text a fault of value. */
const codeFor = (value: unknown) => (typeof value === 'object' ? 'structure' : 'value')

const wrongValue = (expected: string, value: unknown): string => {
  const text = typeof value === 'object' ? kindOf(value) : JSON.stringify(value)
  return `expected ${expected}; found ${text.length > longestShown ? `${beginning(text, longestShown)}…` : text}`
}
const longestShown = 60
