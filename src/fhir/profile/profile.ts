import type { Constraint } from '../definition/structure.ts'

/** What is read of a StructureDefinition that constrains a type. https://hl7.org/fhir/R4/profiling.html */
export type ProfileDefinition = {
  readonly url: string
  readonly type: string
  readonly baseDefinition?: string
  readonly snapshot?: { readonly element: readonly ElementDefinition[] }
  readonly differential?: { readonly element: readonly ElementDefinition[] }
}

export type ElementDefinition = {
  readonly id?: string
  readonly path: string
  readonly sliceName?: string
  readonly slicing?: Slicing
  readonly min?: number
  readonly max?: string
  readonly type?: readonly TypeDefinition[]
  readonly binding?: { readonly strength: string; readonly valueSet?: string }
  readonly constraint?: readonly ProfileConstraint[]
  /** `fixedCode`, `patternCodeableConcept` … */
  readonly [key: string]: unknown
}

/** `source`: the definition that the rule comes from, if that is said. */
export type ProfileConstraint = Constraint & { readonly severity: string; readonly source?: string }

type Slicing = {
  readonly discriminator?: readonly Discriminator[]
  readonly rules: string
}

export type Discriminator = { readonly type: string; readonly path: string }

type TypeDefinition = {
  readonly code: string
  readonly profile?: readonly string[]
  readonly targetProfile?: readonly string[]
}

/** An element of a profile, with its children and its slices. */
export type Node = {
  readonly name: string
  readonly isChoice: boolean
  readonly definition: ElementDefinition
  readonly children: Map<string, Node>
  readonly slices: Map<string, Node>
}

export type Profile = {
  readonly url: string
  readonly type: string
  readonly root: Node
}

export type FindDefinition = (url: string) => ProfileDefinition | undefined

/** The profile as a tree. If it has no snapshot, it is laid over that of its base. Undefined if a base is not known. */
export const toProfile = (definition: ProfileDefinition, find: FindDefinition): Profile | undefined => {
  const elements = elementsOf(definition, find, 0)
  const root = elements === undefined ? undefined : treeOf(elements)
  return root === undefined ? undefined : { url: definition.url, type: definition.type, root }
}

/** The profiles that must be read before this one can be checked: its base, and those that its elements must obey. */
export const namedBy = ({ baseDefinition, snapshot, differential }: ProfileDefinition): readonly string[] => {
  const elements = (snapshot ?? differential)?.element ?? []
  const ofTypes = elements.flatMap(({ type = [] }) => type.flatMap(({ profile = [] }) => profile))
  return [...new Set([...(baseDefinition === undefined ? [] : [baseDefinition]), ...ofTypes])].map(canonicalOf)
}

/** A canonical without the version after it. */
export const canonicalOf = (url: string): string => url.replace(/\|.*/s, '')

type Elements = ReadonlyMap<string, ElementDefinition>

const deepestBase = 20

const elementsOf = (definition: ProfileDefinition, find: FindDefinition, depth: number): Elements | undefined => {
  const { snapshot, differential, baseDefinition = '' } = definition
  if (snapshot !== undefined) return byId(snapshot.element)
  const base = depth < deepestBase ? find(canonicalOf(baseDefinition)) : undefined
  const below = base === undefined ? undefined : elementsOf(base, find, depth + 1)
  if (below === undefined) return undefined
  const changed = byId(differential?.element ?? [])
  const own = [...changed].map(([id, element]) => [id, { ...below.get(id), ...element }] as const)
  return new Map([...below, ...own])
}

const byId = (elements: readonly ElementDefinition[]): Elements =>
  new Map(elements.map(element => [element.id ?? element.path, element]))

/**
 * The id of an element says where it is in the tree: `Observation.component:SystolicBP.code`. Short forms of a choice (`valueQuantity`) become
 * slices of it.
 */
const treeOf = (elements: Elements): Node | undefined => {
  let root: Node | undefined
  for (const [id, definition] of elements) {
    const [first = '', ...steps] = id.split('.')
    root ??= nodeOf(first, definition)
    let node = root
    for (const step of steps) node = stepInto(node, step)
    Object.assign(node, { definition })
  }
  return root
}

const stepInto = (node: Node, step: string): Node => {
  const [name = '', ...slices] = step.split(':')
  const child = within(node.children, name)
  const slice = slices.join(':')
  return slice === '' ? child : within(child.slices, slice, child)
}

const within = (nodes: Map<string, Node>, key: string, of?: Node): Node => {
  const known = nodes.get(key)
  if (known !== undefined) return known
  const made = nodeOf(of === undefined ? key : `${of.name}${of.isChoice ? '[x]' : ''}`, { path: key })
  nodes.set(key, made)
  return made
}

const nodeOf = (step: string, definition: ElementDefinition): Node => ({
  name: step.replace(/\[x\]$/, ''),
  isChoice: step.endsWith('[x]'),
  definition,
  children: new Map(),
  slices: new Map(),
})
