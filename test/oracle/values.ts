import fhirpath from 'fhirpath'
import r4 from 'fhirpath/fhir-context/r4'
import type { Definition } from './definitions.ts'
import type { Resource } from './examples.ts'

/** A value that an expression yields, with its FHIR datatype; `node` is its place in the resource, for the parts of a composite. */
export type Found = {
  readonly type: string
  readonly value: unknown
  readonly node: unknown
  readonly resource: Resource
}

/** What the published expression yields in a resource. https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression */
export const valuesOf = ({ url, expression = '' }: Definition, resource: Resource): readonly Found[] => {
  const known = remembered.get(resource) ?? new Map<string, readonly Found[]>()
  remembered.set(resource, known)
  const found = known.get(url) ?? evaluate(expression, { type: resource.resourceType, from: resource, resource })
  known.set(url, found)
  return found
}
const remembered = new WeakMap<Resource, Map<string, readonly Found[]>>()

/** The same, beginning at the element that a composite's part is relative to. */
export const partsOf = (expression: string, { node, resource }: Found): readonly Found[] =>
  evaluate(expression, { type: undefined, from: node, resource })

/** One definition names a type of FHIRPath where it means the datatype. */
const misprinted: Readonly<Record<string, string>> = { 'value.ofType(DateTime)': 'value.ofType(dateTime)' }

type Start = { readonly type: string | undefined; readonly from: unknown; readonly resource: Resource }

/** Each alternative separately, and only those of the type: most definitions are for many types at once. */
const evaluate = (expression: string, { type, from, resource }: Start): readonly Found[] =>
  alternativesOf(expression, type)
    .flatMap(one => compiled(one)(from, resource))
    .flatMap(node => toFound(node, resource))

const alternativesOf = (expression: string, type: string | undefined): readonly string[] => {
  const key = `${type} ${expression}`
  const made = alternatives.get(key) ?? splitUnion(expression).filter(one => type === undefined || isOf(one, type))
  alternatives.set(key, made)
  return made
}
const alternatives = new Map<string, readonly string[]>()

/** One that begins with the name of an element is of any type. */
const isOf = (alternative: string, type: string): boolean =>
  /^\(*(?:[a-z]|Resource\b|DomainResource\b)/.test(alternative) || /\w+/.exec(alternative)?.[0] === type

/** Splits at the bars outside of parentheses. */
const splitUnion = (expression: string): readonly string[] => {
  const parts = ['']
  let depth = 0
  for (const character of expression) {
    if (character === '(') depth += 1
    if (character === ')') depth -= 1
    if (character === '|' && depth === 0) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts.map(part => part.trim())
}

type Evaluate = (from: unknown, resource: Resource) => readonly unknown[]

const compiled = (alternative: string): Evaluate => {
  const made = functions.get(alternative) ?? compile(misprinted[alternative] ?? alternative)
  functions.set(alternative, made)
  return made
}
const functions = new Map<string, Evaluate>()

/** Nothing outside the resource is read: what `resolve()` would find has the type that the reference states. */
const compile = (alternative: string): Evaluate => {
  const text = alternative.replaceAll(/\bresolve\(\) is (\w+)/g, "refersTo('$1')")
  const evaluate = fhirpath.compile(text, r4, { resolveInternalTypes: false, userInvocationTable: { refersTo } })
  return (from, resource) => evaluate(from as object, { resource }) as unknown[]
}

type Node = { readonly data?: unknown }

const refersTo = {
  fn: (inputs: readonly Node[], type: string) => inputs.map(node => typeReferredTo(node) === type),
  arity: { 1: ['String' as const] },
  internalStructures: true,
}

const typeReferredTo = (node: Node): string | undefined => {
  const { reference = '' } = (node.data ?? node) as { readonly reference?: string }
  return /(?:^|\/)([A-Z]\w+)\/[\w.-]+(?:\/_history\/[\w.-]+)?$/.exec(reference)?.[1]
}

/** An element that has only extensions has no value. */
const toFound = (node: unknown, resource: Resource): readonly Found[] => {
  const value = typeof node === 'object' && node !== null && 'data' in node ? node.data : node
  if (value === undefined || value === null) return []
  const [type = ''] = fhirpath.types(node)
  const datatype = plainTypes[type] ?? publishedType(node) ?? type.replace(/^.*\./, '')
  // The library has an object of its own for a number.
  return [{ type: datatype, value: numeric.has(datatype) ? Number(String(value)) : value, node, resource }]
}

const numeric = new Set(['decimal', 'integer', 'positiveInt', 'unsignedInt'])

/** The library does not know the types of some elements that are named like a function. */
const publishedType = (node: unknown): string | undefined =>
  elementTypes[(node as { readonly path?: string } | null)?.path ?? '']

const elementTypes: Readonly<Record<string, string>> = { 'DeviceDefinition.classification.type': 'CodeableConcept' }

/** The types of FHIRPath itself: the result of a test, and the id of a resource. */
const plainTypes: Readonly<Record<string, string>> = { 'System.Boolean': 'boolean', 'System.String': 'id' }
