import { readPublished } from '../published.ts'
import type { Found } from '../values.ts'

/**
 * https://hl7.org/fhir/R4/search.html#token: the system of a `code` is implicit. It is the one with the code, among those from which the value set of
 * the element's binding takes codes; undefined if nothing is bound for certain.
 */
export const impliedSystems = ({ node, value }: Found): readonly string[] | undefined => {
  const { path = '' } = node as { readonly path?: string }
  if (!bound.has(path)) bound.set(path, readBinding(path))
  return bound
    .get(path)
    ?.filter(({ codes }) => codes?.has(String(value)) ?? true)
    .map(({ system }) => system)
}

/** What a value set takes from a system; absent: everything that exists outside of FHIR. */
type Taken = { readonly system: string; readonly codes?: ReadonlySet<string> }

const bound = new Map<string, readonly Taken[] | undefined>()

type Element = {
  readonly path: string
  readonly binding?: { readonly strength: string; readonly valueSet?: string }
}
type Concept = { readonly code: string; readonly concept?: readonly Concept[] }
type Include = {
  readonly system?: string
  readonly concept?: readonly Concept[]
  readonly filter?: unknown
  readonly valueSet?: unknown
}
type Structure = { readonly snapshot: { readonly element: readonly Element[] } }
type ValueSet = { readonly compose?: { readonly include: readonly Include[]; readonly exclude?: unknown } }
type CodeSystem = { readonly url: string; readonly concept?: readonly Concept[] }

const readBinding = (path: string): readonly Taken[] | undefined => {
  const structure = readPublished('StructureDefinition', path.replace(/\..*/, '')) as Structure | undefined
  const { binding } = structure?.snapshot.element.find(one => one.path === path) ?? {}
  if (binding?.strength !== 'required') return undefined
  const { compose } = (readPublished('ValueSet', idIn(binding.valueSet)) as ValueSet | undefined) ?? {}
  const taken = compose?.exclude === undefined ? compose?.include.map(takenBy) : undefined
  return taken?.every(one => one !== undefined) === true ? taken : undefined
}

const takenBy = ({ system, concept, filter, valueSet }: Include): Taken | undefined => {
  if (system === undefined || filter !== undefined || valueSet !== undefined) return undefined
  const held = readPublished('CodeSystem', idIn(system)) as CodeSystem | undefined
  const concepts = concept ?? (held?.url === system ? held.concept : undefined)
  return concepts === undefined ? { system } : { system, codes: new Set(codesIn(concepts)) }
}

const codesIn = (concepts: readonly Concept[]): readonly string[] =>
  concepts.flatMap(({ code, concept = [] }) => [code, ...codesIn(concept)])

const idIn = (url = ''): string => url.replace(/\|.*$/, '').replace(/^.*[/:]/, '')
