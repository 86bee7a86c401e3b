import type { ResourceType } from '@medplum/fhirtypes'
import { choiceName } from '../../src/fhir/definition/path-compiler.ts'
import { isResourceType } from '../../src/fhir/definition/resource-type.ts'
import type { ElementPath, PathStep, SearchParameter } from '../../src/fhir/definition/search-parameter.ts'
import { childOf, type Element, type ElementType } from '../../src/fhir/definition/structure.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { minimalResource, sampleOf } from '../support/minimal-resource.ts'
import type { Definition } from './definitions.ts'
import { type Example, keyOf, type Resource } from './examples.ts'

/**
 * A resource with a value for the parameter, for parameters that no published example has: the smallest valid one of its type, with a sample at the
 * end of each path of the parameter. The published expression says what finds it.
 */
export const makeExample = (type: string, { code }: Definition): readonly Example[] => {
  const parameter = isResourceType(type) ? registry.searchParameter(type, code) : undefined
  const [target] = parameter?.targets ?? []
  return makeReferring(type, code, { id: `made-${code.replace(/^_/, 'meta-')}`, to: target && `${target}/none` })
}

/** The same, referring to a given resource. */
export const makeReferring = (
  type: string,
  code: string,
  { id, to }: { readonly id: string; readonly to: string | undefined },
): readonly Example[] => {
  const parameter = isResourceType(type) ? registry.searchParameter(type, code) : undefined
  if (parameter === undefined || !isResourceType(type)) return []
  const resource: Json = structuredClone({ ...minimalResource(registry, type), ...besides[type], id })
  for (const path of pathsOf(parameter)) set(resource, type, path, to)
  return [exampleOf(resource as Resource)]
}

/** The smallest valid one of a type, with nothing that a parameter would look at. */
export const makeLeast = (type: ResourceType, id: string): Example =>
  exampleOf(structuredClone({ ...minimalResource(registry, type), ...besides[type], id }) as Resource)

const exampleOf = (resource: Resource): Example => ({
  key: keyOf(resource),
  text: JSON.stringify(resource),
  resource,
})

/** What the rules of a type require when a value is put deeper into it. */
const besides: Readonly<Record<string, object>> = { Questionnaire: { item: [{ linkId: '1', type: 'string' }] } }

const registry = loadRegistry()

/** A choice has one value: only the first of its types. For a composite, all parts within its first element. */
const pathsOf = ({ paths, components }: SearchParameter): readonly ElementPath[] => {
  const [first] = paths
  if (first === undefined || components.length === 0) return first === undefined ? [] : [first]
  return components.flatMap(({ paths: [part] }) =>
    part === undefined ? [] : [{ ...part, steps: [...first.steps, ...part.steps] }],
  )
}

type Json = Record<string, unknown>
type Place = { readonly json: Json; readonly element: Element; readonly type: string }
type Child = Omit<Place, 'json'> & { readonly all: readonly ElementType[] }

const set = (resource: Json, type: string, { steps }: ElementPath, to: string | undefined): void => {
  const root = registry.structures.get(type)?.root
  if (root === undefined) throw new Error(`${type} is not defined`)
  let place: Place = { json: resource, element: root, type }
  for (const step of steps) place = enter(place, step)
  if (place.type === 'Reference' && to !== undefined) place.json.reference = to
}

const enter = ({ json, element, type }: Place, { name, where }: PathStep): Place => {
  const child = childNamed(element, type, name)
  const sample = firstOf(json[name]) ?? structuredClone(sampleOf(registry, child.element, child.type))
  const value = where === undefined ? sample : { ...(sample as Json), [where.name]: where.equals }
  if (child.element.isChoice) for (const { code } of child.all) delete json[choiceName(child.element.name, code)]
  json[name] = child.element.repeats ? [value] : value
  return { json: value as Json, ...child }
}

const firstOf = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value)

/** In JSON the name of a choice ends with its type. */
const childNamed = (element: Element, type: string, name: string): Child => {
  const plain = childOf(registry.structures, element, type, name)
  if (plain !== undefined) return { element: plain, type: plain.types[0]?.code ?? '', all: plain.types }
  const children = [...element.children.values(), ...(registry.structures.get(type)?.root.children.values() ?? [])]
  for (const child of children.filter(({ isChoice }) => isChoice)) {
    const chosen = child.types.find(({ code }) => choiceName(child.name, code) === name)
    if (chosen !== undefined) return { element: { ...child, types: [chosen] }, type: chosen.code, all: child.types }
  }
  throw new Error(`${element.path} has no ${name}`)
}
