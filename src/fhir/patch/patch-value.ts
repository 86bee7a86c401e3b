import type { Element, Structures } from '../definition/structure.ts'
import { jsonText } from '../json.ts'
import { elementBelow, type Json, type Location } from './location.ts'

/** The value of an operation of a FHIRPath Patch, ready to be put into a resource. */
export type PatchValue = {
  readonly value: unknown
  /** id and extensions of a primitive, which JSON keeps under `_name`. */
  readonly extra?: unknown
  /** `Quantity` of `valueQuantity`: the type, if it is part of the name, as in a choice. */
  readonly suffix?: string
}

/**
 * "The value may be a datatype, or, for anonymous types, parts": those become the element's own children. Throws SyntaxError if there is no
 * value. https://hl7.org/fhir/R4/fhirpatch.html
 */
export const patchValueOf = (structures: Structures, part: Json, element: Element): PatchValue => {
  if (Array.isArray(part.part)) return { value: objectOf(structures, part.part, element) }
  if (part.resource !== undefined) return { value: part.resource }
  const key = Object.keys(part)
    .find(name => /^_?value[A-Z]/.test(name))
    ?.replace(/^_/, '')
  if (key === undefined) throw new SyntaxError('it has no value')
  const extra = part[`_${key}`]
  return { value: part[key], suffix: key.slice('value'.length), ...(extra === undefined ? {} : { extra }) }
}

const objectOf = (structures: Structures, parts: readonly unknown[], element: Element): Json => {
  const [type] = element.types
  const object: Json = {}
  const at: Location = { value: object, element, type: type?.code ?? 'BackboneElement' }
  for (const part of parts) {
    if (typeof part !== 'object' || part === null || !('name' in part)) throw new SyntaxError('a part has a name')
    const name = jsonText(part.name)
    const child = elementBelow(structures, at, name)
    if (child === undefined) throw new SyntaxError(`${element.path} has no element ${name}`)
    addChild(object, child, patchValueOf(structures, part as Json, child))
  }
  return object
}

export const keyFor = ({ isChoice, name }: Element, { suffix = '' }: PatchValue): string =>
  isChoice ? `${name}${suffix}` : name

/** Sets the element, or appends to its list. */
export const addChild = (parent: Json, element: Element, added: PatchValue): void => {
  const key = keyFor(element, added)
  if (!element.repeats) {
    setOrLeave(parent, key, added.value)
    setOrLeave(parent, `_${key}`, added.extra)
    return
  }
  const list = listAt(parent, key)
  insertInto(parent, key, list.length, added)
}

const setOrLeave = (parent: Json, key: string, value: unknown): void => {
  if (value !== undefined) parent[key] = value
}

export const listAt = (parent: Json, key: string): readonly unknown[] => {
  const held = parent[key] ?? parent[`_${key}`]
  return Array.isArray(held) ? held : []
}

/** A list of primitives may have a second list beside it, item by item: https://hl7.org/fhir/R4/json.html#primitive */
export const insertInto = (parent: Json, key: string, index: number, { value, extra }: PatchValue): void => {
  const { length } = listAt(parent, key)
  for (const [name, item] of [
    [key, value],
    [`_${key}`, extra],
  ] as const) {
    const held = parent[name]
    if (Array.isArray(held)) parent[name] = held.toSpliced(index, 0, item ?? null)
    else if (item !== undefined) parent[name] = [...Array(length).fill(null).toSpliced(index, 0, item)]
  }
}

/** Removes an item from both lists; in FHIR, a list without items is not allowed. */
export const removeFrom = (parent: Json, key: string, index: number): void => {
  for (const name of [key, `_${key}`]) {
    const held = parent[name]
    if (!Array.isArray(held)) continue
    const rest = held.toSpliced(index, 1)
    if (rest.length === 0) delete parent[name]
    else parent[name] = rest
  }
}
