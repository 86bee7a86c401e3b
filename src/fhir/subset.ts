import { namesOf } from './definition/path-compiler.ts'
import type { Element, Structures } from './definition/structure.ts'

/** Which part of a resource is served. https://hl7.org/fhir/R4/search.html#summary */
export type Subset =
  | { readonly kind: 'true' | 'text' | 'data' }
  /** Names of elements as in JSON; for a choice also without its type: `value`. */
  | { readonly kind: 'elements'; readonly names: readonly string[] }

/** The JSON names of what is kept, as a whole or in part. */
export type Mask = { readonly [name: string]: true | Mask }

/** What a subset keeps of the resources of a type. They stay valid: mandatory elements are always kept. */
export const maskOf = (structures: Structures, type: string, subset: Subset): Mask => {
  if (subset.kind === 'elements') return { ...whole(structures, type, isEssential), ...named(structures, type, subset) }
  const key = `${type} ${subset.kind}`
  const known = masks.get(structures) ?? new Map<string, Mask>()
  masks.set(structures, known)
  const mask = known.get(key) ?? makers[subset.kind](structures, type)
  known.set(key, mask)
  return mask
}

const masks = new WeakMap<Structures, Map<string, Mask>>()

/** The JSON names that an item of `_elements` means; undefined if the type has no such element. */
export const elementNames = (structures: Structures, type: string, asked: string): readonly string[] | undefined => {
  const name = asked.replace(`${type}.`, '').replace('[x]', '')
  const elements = rootOf(structures, type)
  const element = elements.find(one => one.name === name)
  if (element !== undefined) return jsonNames(structures, element)
  const [typed] = elements.filter(one => one.isChoice && jsonNames(structures, one).includes(name))
  return typed === undefined ? undefined : [name, `_${name}`]
}

const named = (structures: Structures, type: string, { names }: Extract<Subset, { kind: 'elements' }>): Mask =>
  Object.fromEntries(names.flatMap(name => elementNames(structures, type, name) ?? []).map(name => [name, true]))

const makers: Readonly<Record<'true' | 'text' | 'data', (structures: Structures, type: string) => Mask>> = {
  true: (structures, type) => ({
    ...summaryOf(structures, rootOf(structures, type), new Set([type])),
    ...whole(structures, type, ({ name }) => essential.has(name)),
  }),
  text: (structures, type) => whole(structures, type, element => isEssential(element) || element.name === 'text'),
  data: (structures, type) => whole(structures, type, ({ name }) => name !== 'text'),
}

/** Without such an element, the rest would not be valid, or would mean something else. */
const isEssential = ({ name, min }: Element): boolean => min > 0 || essential.has(name)

const essential: ReadonlySet<string> = new Set(['id', 'meta', 'implicitRules', 'modifierExtension'])

const whole = (structures: Structures, type: string, isKept: (element: Element) => boolean): Mask => ({
  resourceType: true,
  ...Object.fromEntries(
    rootOf(structures, type)
      .filter(isKept)
      .flatMap(element => jsonNames(structures, element).map(name => [name, true])),
  ),
})

/** `within`: the datatypes that contain this one. A datatype inside itself is kept whole. */
const summaryOf = (structures: Structures, elements: readonly Element[], within: ReadonlySet<string>): Mask =>
  Object.fromEntries(
    elements
      .filter(one => one.isSummary || one.min > 0)
      .flatMap(element =>
        typedNames(structures, element).map(([name, type]) => [
          name,
          element.children.size > 0 ? partOf(structures, element, within) : ofType(structures, type, within),
        ]),
      ),
  )

/** Keeps of an element only its own summary, and its extensions, which may change what it means. */
const partOf = (structures: Structures, element: Element, within: ReadonlySet<string>): true | Mask => {
  const children = [...element.children.values()]
  const part = summaryOf(structures, children, within)
  const names = children.filter(({ name }) => !beside.has(name)).flatMap(child => jsonNames(structures, child))
  return names.every(name => part[name] === true) ? true : { ...part, id: true, extension: true }
}

const beside: ReadonlySet<string> = new Set(['id', 'extension', 'modifierExtension'])

const ofType = (structures: Structures, type: string, within: ReadonlySet<string>): true | Mask => {
  const structure = structures.get(type)
  if (structure?.kind !== 'complex-type' || within.has(type)) return true
  return partOf(structures, structure.root, new Set([...within, type]))
}

const rootOf = (structures: Structures, type: string): readonly Element[] => [
  ...(structures.get(type)?.root.children.values() ?? []),
]

const jsonNames = (structures: Structures, element: Element): readonly string[] =>
  typedNames(structures, element).map(([name]) => name)

/** For a primitive also `_name`, which has its id and extensions. */
const typedNames = (structures: Structures, element: Element): readonly (readonly [name: string, type: string])[] =>
  namesOf(element).flatMap(({ name, type }): readonly (readonly [string, string])[] => {
    const isPrimitive = structures.get(type)?.kind === 'primitive-type'
    return [[name, type], ...(isPrimitive ? [[`_${name}`, ''] as const] : [])]
  })
