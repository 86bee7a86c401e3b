import type { Resource } from '../examples.ts'
import { readPublished } from '../published.ts'

/** What R4 says about the elements of a type. */
type Element = {
  readonly path: string
  readonly min: number
  readonly isSummary?: boolean
  readonly type?: readonly { readonly code: string }[]
}
type Structure = { readonly kind: string; readonly snapshot: { readonly element: readonly Element[] } }
type Json = { readonly [name: string]: unknown }

/**
 * What an answer keeps of a resource. https://hl7.org/fhir/R4/search.html#summary, #elements: "Servers SHOULD always return
 * mandatory elements whether they are requested or not".
 */
export const subsetOf = (resource: Resource, asked: Subset): Json => subsets[asked.kind](resource, asked)

export type Subset = { readonly kind: 'elements' | 'true' | 'text' | 'data'; readonly names: readonly string[] }

const subsets: Readonly<Record<Subset['kind'], (resource: Resource, asked: Subset) => Json>> = {
  elements: (resource, { names }) =>
    kept(
      resource,
      name => isNeeded(resource, name) || names.includes(name) || names.includes(bareName(resource, name)),
    ),
  text: resource => kept(resource, name => isNeeded(resource, name) || name === 'text'),
  data: resource => kept(resource, name => name !== 'text'),
  true: resource => summaryOf(resource, { structure: structureOf(resource.resourceType), path: resource.resourceType }),
}

/** A choice may be asked for without its type. */
export const bareName = ({ resourceType }: Resource, name: string): string =>
  elementAt({ structure: structureOf(resourceType), path: resourceType }, name)
    ?.path.slice(resourceType.length + 1)
    .replace('[x]', '') ?? name

const kept = (resource: Json, isKept: (name: string) => boolean): Json =>
  Object.fromEntries(Object.entries(resource).filter(([name]) => isKept(name.replace(/^_/, ''))))

/** Without these the rest is not valid, or does not mean what it says. */
const isNeeded = ({ resourceType }: Resource, name: string): boolean =>
  always.has(name) || (elementAt({ structure: structureOf(resourceType), path: resourceType }, name)?.min ?? 0) > 0

const always = new Set(['resourceType', 'id', 'meta', 'implicitRules', 'modifierExtension'])

/** A position in a definition: of a resource, of a datatype, or of an element that has elements of its own. */
type Place = { readonly structure: Structure | undefined; readonly path: string }

/** "all supported elements that are marked as "summary"", and inside such an element, too. */
const summaryOf = (json: Json, place: Place): Json => {
  const besides = 'resourceType' in json ? always : beside
  const entries = Object.entries(json).map(([name, value]) => {
    const bare = name.replace(/^_/, '')
    return [name, besides.has(bare) ? value : partAt(value, place, { bare, isPlain: name === bare })] as const
  })
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

const partAt = (value: unknown, place: Place, name: { readonly bare: string; readonly isPlain: boolean }): unknown => {
  const element = elementAt(place, name.bare)
  if (element === undefined || !(element.isSummary === true || element.min > 0)) return undefined
  return name.isPlain ? partOf(value, placeIn(place, element, name.bare)) : value
}

/** An extension may change the meaning of the element that contains it. */
const beside = new Set(['id', 'extension', 'modifierExtension'])

/** Undefined if nothing is left. */
const partOf = (value: unknown, place: Place | undefined): unknown => {
  if (place === undefined || typeof value !== 'object' || value === null) return value
  if (!Array.isArray(value)) {
    const part = summaryOf(value as Json, place)
    return Object.keys(part).length === 0 ? undefined : part
  }
  const parts = value.map(one => partOf(one, place)).filter(one => one !== undefined)
  return parts.length === 0 ? undefined : parts
}

const elementAt = ({ structure, path }: Place, name: string): Element | undefined =>
  structure?.snapshot.element.find(one => one.path === `${path}.${name}` || isChoiceOf(one, path, name))

const isChoiceOf = (element: Element, path: string, name: string): boolean =>
  element.path.endsWith('[x]') &&
  (element.type ?? []).some(
    ({ code }) => element.path === `${path}.${name.slice(0, -code.length)}[x]` && name.endsWith(capital(code)),
  )

const capital = (code: string): string => code.charAt(0).toUpperCase() + code.slice(1)

/** Undefined if the element is kept whole: of a primitive type, a resource, or defined elsewhere. */
const placeIn = ({ structure }: Place, element: Element, name: string): Place | undefined => {
  if (structure?.snapshot.element.some(({ path }) => path.startsWith(`${element.path}.`)) === true)
    return { structure, path: element.path }
  const types = element.type ?? []
  const type = types.length === 1 ? types[0] : types.find(({ code }) => name.endsWith(capital(code)))
  const own = type === undefined ? undefined : structureOf(type.code)
  return type === undefined || own?.kind !== 'complex-type' ? undefined : { structure: own, path: type.code }
}

const structureOf = (type: string): Structure | undefined => {
  if (!structures.has(type)) {
    structures.set(type, readPublished('StructureDefinition', type) as Structure | undefined)
  }
  return structures.get(type)
}
const structures = new Map<string, Structure | undefined>()
