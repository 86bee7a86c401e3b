import type { CodeSystem, CodeSystemConcept, CodeSystemConceptDesignation } from '@medplum/fhirtypes'
import { isObject, jsonText } from '../json.ts'

/** A code system that we have completely. https://hl7.org/fhir/R4/codesystem.html */
export type HeldSystem = {
  readonly url: string
  readonly version: string | undefined
  readonly concepts: ReadonlyMap<string, HeldConcept>
}

export type HeldConcept = {
  readonly code: string
  readonly display: string | undefined
  readonly isAbstract: boolean
  /** Whether the code should not be used any more. */
  readonly isInactive: boolean
  readonly designation: readonly CodeSystemConceptDesignation[]
  /** The codes of which it is directly a kind. */
  readonly parents: ReadonlySet<string>
  /** The names and values of its properties, as text. */
  readonly properties: readonly (readonly [name: string, value: string])[]
}

/** Undefined if it is not complete, so that a code that is not in it may exist all the same. */
export const toHeldSystem = (system: CodeSystem): HeldSystem | undefined => {
  if (system.content !== 'complete' || system.url === undefined) return undefined
  const nesting = system.hierarchyMeaning ?? 'is-a'
  const concepts = new Map<string, HeldConcept>()
  const add = (concept: CodeSystemConcept, parent: string | undefined): void => {
    const held = toHeldConcept(concept, nesting === 'is-a' ? parent : undefined)
    const known = concepts.get(held.code)
    concepts.set(held.code, known === undefined ? held : { ...known, parents: known.parents.union(held.parents) })
    for (const child of concept.concept ?? []) add(child, held.code)
  }
  for (const concept of system.concept ?? []) add(concept, undefined)
  return { url: system.url, version: system.version, concepts: withChildren(concepts) }
}

const toHeldConcept = (
  { code = '', display, designation = [], property = [] }: CodeSystemConcept,
  parent: string | undefined,
): HeldConcept => {
  const properties = property.flatMap(({ code: name = '', ...values }) =>
    Object.entries(values).map(([, value]) => [name, textOf(value)] as const),
  )
  const named = properties.filter(([name]) => parentProperties.has(name)).map(([, value]) => value)
  return {
    code,
    display,
    isAbstract: properties.some(([name, value]) => abstractProperties.has(name) && value === 'true'),
    isInactive: properties.some(([name, value]) => inactiveStates.has(`${name} ${value}`)),
    designation,
    parents: new Set(parent === undefined ? named : [parent, ...named]),
    properties,
  }
}

/** https://hl7.org/fhir/R4/codesystem-concept-properties.html; HL7 v3 has `subsumedBy` for it. */
const parentProperties: ReadonlySet<string> = new Set(['parent', 'subsumedBy'])
const abstractProperties: ReadonlySet<string> = new Set(['notSelectable', 'abstract'])
const inactiveStates: ReadonlySet<string> = new Set(['inactive true', 'status inactive', 'status retired'])

const textOf = (value: unknown): string => jsonText(isObject(value) && 'code' in value ? value.code : value)

/** A concept may name its children instead of its parents. */
const withChildren = (concepts: ReadonlyMap<string, HeldConcept>): ReadonlyMap<string, HeldConcept> => {
  const named = [...concepts.values()].flatMap(({ code, properties }) =>
    properties.filter(([name]) => name === 'child').map(([, child]) => [child, code] as const),
  )
  const parentsByChild = Map.groupBy(named, ([child]) => child)
  if (parentsByChild.size === 0) return concepts
  return new Map(
    [...concepts].map(([code, concept]) => {
      const more = parentsByChild.get(code)?.map(([, parent]) => parent) ?? []
      return [code, { ...concept, parents: concept.parents.union(new Set(more)) }]
    }),
  )
}

/** The code and all codes that it subsumes. https://hl7.org/fhir/R4/codesystem.html#subsumption */
export const codesBelow = ({ concepts }: HeldSystem, code: string): ReadonlySet<string> => {
  const children = new Map<string, string[]>()
  for (const { code: child, parents } of concepts.values())
    for (const parent of parents) {
      const known = children.get(parent)
      if (known === undefined) children.set(parent, [child])
      else known.push(child)
    }
  return closure(code, one => children.get(one) ?? [])
}

/** The code and all codes that subsume it. */
export const codesAbove = ({ concepts }: HeldSystem, code: string): ReadonlySet<string> =>
  closure(code, one => concepts.get(one)?.parents ?? [])

const closure = (code: string, next: (code: string) => Iterable<string>): ReadonlySet<string> => {
  const reached = new Set([code])
  // A loop over a Set also comes to what is added during it.
  for (const one of reached) for (const other of next(one)) reached.add(other)
  return reached
}
