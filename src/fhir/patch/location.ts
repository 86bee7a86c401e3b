import { choiceName } from '../definition/path-compiler.ts'
import { childOf, type Element, type Structures } from '../definition/structure.ts'
import { loadFhirpath, toPlain } from '../fhirpath.ts'
import { isObject } from '../json.ts'

export type Json = Record<string, unknown>

/** Where a node of a resource stands: `parent[key]`, or one of the list that is there; the resource itself has no parent. */
export type Location = {
  readonly value: unknown
  readonly element: Element
  /** The datatype, or the resource's type. */
  readonly type: string
  readonly place?: { readonly parent: Json; readonly key: string; readonly index?: number }
}

/** What a FHIRPath expression finds in the resource, as places of the resource itself. Throws where it is not understood. */
export const locate = (structures: Structures, resource: Json, path: string): readonly Location[] => {
  const { engine, model } = loadFhirpath()
  const compiled = engine.compile(path, model, { resolveInternalTypes: false, traceFn: () => {} })
  return (compiled(toPlain(resource)) as unknown[]).map(node => locationOf(structures, resource, fullPathOf(node)))
}

/** What was computed and stands nowhere has no such path. */
const fullPathOf = (node: unknown): string => {
  const full = (node as { fullPropertyName?: () => string | undefined }).fullPropertyName?.()
  if (full === undefined) throw new SyntaxError('it computes a value, and names no element')
  return full
}

/** `Patient.name[0].given[1]`: the path without choices and conditions that fhirpath.js tells of each node. */
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

/** What has the children of what stands there; of a primitive it stands beside it: https://hl7.org/fhir/R4/json.html#primitive */
export const holderOf = ({ value, place }: Location): Json | undefined => {
  if (isObject(value)) return value
  if (place === undefined) return undefined
  const { key, index } = place
  const beside = place.parent[`_${key}`]
  const one = index === undefined ? beside : Array.isArray(beside) ? beside[index] : undefined
  return isObject(one) ? one : undefined
}

/** The definition of a child of what stands there. */
export const elementBelow = (structures: Structures, { element, type }: Location, name: string): Element | undefined =>
  childOf(structures, element, type, name)

/** A choice has in JSON the name of the type that it has. */
const presentAs = (element: Element, parent: Json): { element: Element; key: string; type: string } => {
  const [first] = element.types
  if (!element.isChoice) return { element, key: element.name, type: first?.code ?? 'BackboneElement' }
  const chosen = element.types.find(({ code }) => keysOf(choiceName(element.name, code)).some(key => key in parent))
  return { element, key: choiceName(element.name, chosen?.code ?? ''), type: chosen?.code ?? '' }
}

const keysOf = (key: string): readonly string[] => [key, `_${key}`]

/** A resource inside another is of the type that it says. */
const settled = (structures: Structures, location: Location): Location => {
  const { value, place } = location
  if (typeof value !== 'object' || value === null || !('resourceType' in value)) return location
  const inside = rootOf(structures, value as Json)
  return place === undefined ? inside : { ...inside, place }
}
