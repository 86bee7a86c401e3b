/** StructureDefinition snapshots in a compact form. https://hl7.org/fhir/R4/elementdefinition.html */

export type Structure = {
  readonly name: string
  readonly kind: 'resource' | 'complex-type' | 'primitive-type'
  readonly root: Element
  /** For a primitive: the format of its text. */
  readonly pattern?: string
}

export type Element = {
  /** As in JSON, except that a choice is without its type: `value`. */
  readonly name: string
  /** As in the definition: `Observation.value[x]`. */
  readonly path: string
  readonly min: number
  readonly max: number
  readonly repeats: boolean
  readonly isChoice: boolean
  /** Whether it belongs to the summary of its parent. */
  readonly isSummary: boolean
  readonly types: readonly ElementType[]
  /** The ValueSet to which its codes are bound with the strength `required`. */
  readonly requiredValueSet?: string
  readonly constraints: readonly Constraint[]
  readonly children: ReadonlyMap<string, Element>
  /** The path of the element that has the same children, such as `Bundle.link`. */
  readonly content?: string
}

export type ElementType = {
  readonly code: string
  /** For a reference or canonical: the types that it may point to; empty means any. */
  readonly targets: readonly string[]
}

export type Constraint = { readonly key: string; readonly human: string; readonly expression: string }

export type Structures = ReadonlyMap<string, Structure>

/** What is read of a published StructureDefinition. */
export type StructureDefinition = {
  readonly resourceType: string
  readonly url: string
  readonly name: string
  readonly kind: string
  readonly snapshot: { readonly element: readonly ElementDefinition[] }
}

export type ElementDefinition = {
  readonly path: string
  readonly min: number
  readonly max: string
  readonly base: { readonly max: string }
  readonly isSummary?: boolean
  readonly type?: readonly TypeDefinition[]
  readonly binding?: { readonly strength: string; readonly valueSet?: string }
  readonly constraint?: readonly (Constraint & { readonly severity: string })[]
  readonly contentReference?: string
}

type TypeDefinition = {
  readonly code: string
  readonly profile?: readonly string[]
  readonly targetProfile?: readonly string[]
  readonly extension?: readonly { readonly url: string; readonly valueUrl?: string; readonly valueString?: string }[]
}

type Building = Omit<Element, 'children'> & { readonly children: Map<string, Building> }

export const toStructure = (definition: StructureDefinition): Structure => {
  const byPath = new Map<string, Building>()
  const idPath = definition.kind === 'resource' ? `${definition.name}.id` : ''
  for (const element of definition.snapshot.element) place(toElement(element, idPath), byPath)
  const [rootDefinition] = definition.snapshot.element
  const root = byPath.get(rootDefinition?.path ?? '')
  if (root === undefined) throw new Error(`${definition.url} has no elements`)
  const pattern = patternOf(definition)
  const kind = definition.kind as Structure['kind']
  return { name: definition.name, kind, root, ...(pattern === undefined ? {} : { pattern }) }
}

/** The child of an element, which is defined among its own children, among those of the element it refers to, or in its datatype. */
export const childOf = (structures: Structures, element: Element, type: string | undefined, name: string) =>
  element.children.get(name) ?? contentOf(structures, element)?.children.get(name) ?? ofType(structures, type, name)

export const contentOf = (structures: Structures, { content }: Element): Element | undefined => {
  if (content === undefined) return undefined
  const [type = '', ...names] = content.split('.')
  let element = structures.get(type)?.root
  for (const name of names) element = element?.children.get(name)
  return element
}

const ofType = (structures: Structures, type: string | undefined, name: string): Element | undefined =>
  type === undefined ? undefined : structures.get(type)?.root.children.get(name)

const place = (element: Building, byPath: Map<string, Building>): void => {
  byPath.set(element.path, element)
  const parent = byPath.get(element.path.slice(0, Math.max(0, element.path.lastIndexOf('.'))))
  parent?.children.set(element.name, element)
}

/** The id of a resource is an `id`, although its definition says string. */
const toElement = (definition: ElementDefinition, idPath: string): Building => {
  const { path, min, max, base, type = [], binding, constraint = [], contentReference, isSummary = false } = definition
  const isChoice = path.endsWith('[x]')
  const name = path.slice(path.lastIndexOf('.') + 1, isChoice ? -3 : undefined)
  return {
    name,
    path,
    min,
    max: max === '*' ? Number.POSITIVE_INFINITY : Number(max),
    repeats: base.max === '*' || Number(base.max) > 1,
    isChoice,
    isSummary,
    types: path === idPath ? [{ code: 'id', targets: [] }] : type.map(toElementType),
    constraints: constraint.filter(one => one.severity === 'error').map(shared),
    children: new Map(),
    ...(contentReference === undefined ? {} : { content: contentReference.slice(1) }),
    ...(binding?.strength === 'required' && binding.valueSet !== undefined
      ? { requiredValueSet: binding.valueSet.replace(/\|.*/s, '') }
      : {}),
  }
}

const toElementType = (type: TypeDefinition): ElementType => ({
  code: codeOf(type),
  targets: (type.targetProfile ?? []).map(nameOf).filter(name => name !== 'Resource'),
})

/** `SimpleQuantity` and `MoneyQuantity` are recognised by their profile, and types that are not FHIR's own by an extension. */
const codeOf = ({ code, profile, extension }: TypeDefinition): string => {
  if (profile?.length === 1) return nameOf(profile[0] ?? code)
  if (!code.startsWith('http://hl7.org/fhirpath/')) return code
  return extension?.find(one => one.url.endsWith('structuredefinition-fhir-type'))?.valueUrl ?? 'string'
}

const patternOf = ({ kind, name, snapshot }: StructureDefinition): string | undefined => {
  if (kind !== 'primitive-type') return undefined
  const value = snapshot.element.find(element => element.path === `${name}.value`)
  return value?.type?.[0]?.extension?.find(one => one.url.endsWith('StructureDefinition/regex'))?.valueString
}

const nameOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1)

/** Thousands of elements have the same few constraints, so that one object is kept for each. */
const shared = ({ key, human, expression }: Constraint): Constraint => {
  const known = constraints.get(key)
  if (known?.expression === expression) return known
  const constraint = { key, human, expression }
  constraints.set(key, constraint)
  return constraint
}
const constraints = new Map<string, Constraint>()
