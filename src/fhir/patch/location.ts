import { choiceName } from '../definition/path-compiler.ts'
import { childOf, type Element, type Structures } from '../definition/structure.ts'
import { loadFhirpath, toPlain } from '../fhirpath.ts'
import { isObject } from '../json.ts'

export type Json = Record<string, unknown>

/** Where a node of a resource is: `parent[key]`, or an item of the list that is there. The resource itself has no parent. */
export type Location = {
  readonly value: unknown
  readonly element: Element
  /** The datatype, or the resource's type. */
  readonly type: string
  readonly place?: { readonly parent: Json; readonly key: string; readonly index?: number }
}

/** The places in the resource itself that a FHIRPath expression finds. Throws if the expression is not understood. */
export const locate = (structures: Structures, resource: Json, path: string): readonly Location[] => {
  return nodesAt(resource, path).map(node => locationOf(structures, resource, fullPathOf(node)))
}

const nodesAt = (resource: Json, path: string): readonly unknown[] => {
  const { engine, model } = loadFhirpath()
  try {
    const compiled = engine.compile(path, model, { resolveInternalTypes: false, traceFn: () => {} })
    return compiled(toPlain(resource)) as unknown[]
  } catch (cause) {
    // Over some paths, such as `name..family`, fhirpath.js stumbles itself instead of saying what is wrong with them.
    if (!(cause instanceof Error) || cause instanceof TypeError)
      throw new SyntaxError('its path is no FHIRPath', { cause })
    throw new SyntaxError(cause.message.replace(/ expecting \{.*$/s, ''), { cause })
  }
}

/** A computed value has no place, and so no such path. */
const fullPathOf = (node: unknown): string => {
  const full = (node as { fullPropertyName?: () => string | undefined }).fullPropertyName?.()
  if (full === undefined) throw new SyntaxError('it computes a value, and names no element')
  return full
}

/** Follows `Patient.name[0].given[1]`: fhirpath.js gives such a path, without choices and conditions, for each node. */
const locationOf = (structures: Structures, resource: Json, fullPath: string): Location => {
  const [, ...steps] = fullPath.split('.')
  return steps.reduce<Location>((at, step) => below(structures, at, step), rootOf(structures, resource))
}

const rootOf = (structures: Structures, resource: Json): Location => {
  const type = String(resource.resourceType)
  const element = structures.get(type)?.root
  if (element === undefined) throw new SyntaxError(`${type} is no resource type`)
  return { value: resource, element, type }
}

const below = (structures: Structures, at: Location, step: string): Location => {
  const [, name = '', position] = /^(\w+)(?:\[(\d+)\])?$/.exec(step) ?? []
  const parent = holderOf(at)
  if (parent === undefined) throw new SyntaxError('there is no such element')
  const child = elementBelow(structures, at, name)
  if (child === undefined) throw new SyntaxError(`${at.type} has no element ${name}`)
  const { element, key, type } = presentAs(child, parent)
  const held = parent[key]
  if (!Array.isArray(held)) return settled(structures, { value: held, element, type, place: { parent, key } })
  const index = Number(position ?? 0)
  return settled(structures, { value: held[index], element, type, place: { parent, key, index } })
}

/** The object that has its children. For a primitive, it is beside the value: https://hl7.org/fhir/R4/json.html#primitive */
export const holderOf = ({ value, place }: Location): Json | undefined => {
  if (isObject(value)) return value
  if (place === undefined) return undefined
  const { key, index } = place
  const beside = place.parent[`_${key}`]
  const one = index === undefined ? beside : Array.isArray(beside) ? beside[index] : undefined
  return isObject(one) ? one : undefined
}

/** The definition of a child of the node. */
export const elementBelow = (structures: Structures, { element, type }: Location, name: string): Element | undefined =>
  childOf(structures, element, type, name)

/** The JSON name of a choice element is that of the type that it has. */
const presentAs = (element: Element, parent: Json): { element: Element; key: string; type: string } => {
  const [first] = element.types
  if (!element.isChoice) return { element, key: element.name, type: first?.code ?? 'BackboneElement' }
  const chosen = element.types.find(({ code }) => keysOf(choiceName(element.name, code)).some(key => key in parent))
  return { element, key: choiceName(element.name, chosen?.code ?? ''), type: chosen?.code ?? '' }
}

const keysOf = (key: string): readonly string[] => [key, `_${key}`]

/** A resource inside another has the type that it states. */
const settled = (structures: Structures, location: Location): Location => {
  const { value, place } = location
  if (typeof value !== 'object' || value === null || !('resourceType' in value)) return location
  const inside = rootOf(structures, value as Json)
  return place === undefined ? inside : { ...inside, place }
}
