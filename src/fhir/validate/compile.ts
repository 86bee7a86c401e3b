import { choiceName } from '../definition/path-compiler.ts'
import { type Constraint, contentOf, type Element, type ElementType } from '../definition/structure.ts'
import type { Registry } from '../registry.ts'
import { bindingOf } from './binding.ts'
import { noteFragment } from './contained.ts'
import { keepIdsApart } from './element-id.ts'
import { complexField, extensionField, primitiveField } from './fields.ts'
import { invariantOf } from './invariants.ts'
import { type Field, objectCheck, type Shape } from './object.ts'
import { formatOf } from './primitive.ts'
import { checkReference, checkReferenceType, referenceTargets } from './reference-target.ts'
import { type Check, isJson } from './walk.ts'

export type Definitions = Pick<Registry, 'structures' | 'valueSets'>

/** The checks of a registry's types. Each is compiled when it is first needed, since types refer to each other, also in circles. */
export const compileChecks = (definitions: Definitions, resource: Check): ((type: string) => Check | undefined) => {
  const checks = new Map<string, Check>()
  const compiler: Compiler = {
    ...definitions,
    resource,
    elements: new Map(),
    valued: lazily(() => valuedCheck(compiler)),
    type: name => typeCheck(compiler, checks, name),
  }
  return name => (definitions.structures.has(name) ? compiler.type(name) : undefined)
}

type Compiler = Definitions & {
  /** For an element that holds a resource of any type. */
  readonly resource: Check
  readonly type: (name: string) => Check
  readonly elements: Map<string, Check>
  /** Checks what is beside the value of a primitive. */
  readonly valued: Check
}

/** ele-1: "All FHIR elements must have a @value or children". */
const valuedCheck = (compiler: Compiler): Check => {
  const { root } = structureOf(compiler, 'Element')
  return objectCheck({ ...shapeOf(compiler, root, 'Element', root.constraints), hasValue: true })
}

const structureOf = ({ structures }: Compiler, name: string) => {
  const structure = structures.get(name)
  if (structure === undefined) throw new Error(`${name} is no type of R4`)
  return structure
}

const typeCheck = (compiler: Compiler, checks: Map<string, Check>, name: string): Check => {
  const known = checks.get(name)
  if (known !== undefined) return known
  if (name === 'Resource') return compiler.resource
  const check = lazily(() => {
    const { root } = structureOf(compiler, name)
    return objectCheck(shapeOf(compiler, root, name, root.constraints))
  })
  checks.set(name, check)
  return check
}

/** An element with children of its own (BackboneElement), or with those of another element. */
const elementCheck = (compiler: Compiler, element: Element): Check => {
  const content = contentOf(compiler.structures, element) ?? element
  const known = compiler.elements.get(content.path)
  if (known !== undefined) return known
  const check = lazily(() => objectCheck(shapeOf(compiler, content, content.path, content.constraints)))
  compiler.elements.set(content.path, check)
  return check
}

const lazily = (make: () => Check): Check => {
  let made: Check | undefined
  return (value, walk) => {
    made ??= make()
    made(value, walk)
  }
}

const shapeOf = (compiler: Compiler, root: Element, typeName: string, constraints: readonly Constraint[]): Shape => {
  const isResource = compiler.structures.get(root.path)?.kind === 'resource'
  const fields = new Map<string, Field>()
  const required: Shape['required'][number][] = []
  let bit = 1
  for (const element of root.children.values()) {
    const isTracked = element.min > 0 || element.isChoice
    for (const [key, field] of fieldsOf(compiler, element, isTracked ? bit : 0)) fields.set(key, field)
    if (element.min > 0) required.push({ name: element.name, bit, accepted: acceptedBy(element) })
    if (isTracked) bit <<= 1
  }
  const rest = isResource ? nameType : keepIdsApart
  rest(fields)
  return { typeName, fields, required, isResource, rules: rulesOf(constraints, root.path) }
}

const nameType = (fields: Map<string, Field>): void => {
  fields.set('resourceType', { name: 'resourceType', check: () => {}, bit: 0, isChoice: false })
}

const rulesOf = (constraints: readonly Constraint[], path: string): Check[] =>
  constraints.map(constraint => invariantOf(constraint, path)).filter(rule => rule !== undefined)

const acceptedBy = ({ types, isChoice, name }: Element): string => {
  if (!isChoice) return types.map(type => type.code).join(' or ') || 'BackboneElement'
  return `one of ${types.map(type => choiceName(name, type.code)).join(', ')}`
}

/** The JSON properties of an element: one for each type of a choice, and one more for a primitive's extensions. */
const fieldsOf = (compiler: Compiler, element: Element, bit: number): [string, Field][] => {
  const { name, isChoice, types } = element
  if (types.length === 0) {
    return [[name, { name, bit, isChoice, check: complexField(name, element, elementCheck(compiler, element)) }]]
  }
  return types.flatMap(type => {
    const key = isChoice ? choiceName(name, type.code) : name
    const format = formatOf(compiler.structures, type.code)
    if (format === undefined) return [[key, { name, bit, isChoice, check: complexOf(compiler, element, type) }]]
    const rules = [
      ...primitiveRules(type),
      ...bindingsOf(compiler, element, type),
      ...ownRules(compiler, element, type),
    ]
    const field: Field = { name, bit, isChoice, check: primitiveField(name, element, format, rules) }
    const extension = extensionField(key, name, element, { alone: compiler.type('Element'), valued: compiler.valued })
    return [
      [key, field],
      [`_${key}`, { ...field, check: extension }],
    ] satisfies [string, Field][]
  })
}

const complexOf = (compiler: Compiler, element: Element, type: ElementType) => {
  const { name, children } = element
  const check = children.size > 0 ? elementCheck(compiler, element) : compiler.type(type.code)
  const more = [...bindingsOf(compiler, element, type), ...targetsOf(type)]
  if (children.size === 0) more.push(...ownRules(compiler, element, type))
  return complexField(name, element, more.length === 0 ? check : inTurn([check, ...more]))
}

const inTurn =
  (checks: readonly Check[]): Check =>
  (value, walk) => {
    for (const check of checks) check(value, walk)
  }

/** The rules of the element beyond those of its type, which the check of the type contains. */
const ownRules = ({ structures }: Compiler, { constraints, path }: Element, type: ElementType): Check[] => {
  const ofType = new Set(structures.get(type.code)?.root.constraints.map(({ key }) => key))
  return rulesOf(
    constraints.filter(({ key }) => !ofType.has(key)),
    path,
  )
}

const bindingsOf = ({ valueSets }: Compiler, { requiredValueSet }: Element, type: ElementType): Check[] => {
  const codes = requiredValueSet === undefined ? undefined : valueSets.get(requiredValueSet)
  const binding =
    codes === undefined || requiredValueSet === undefined ? undefined : bindingOf(requiredValueSet, codes, type.code)
  return binding === undefined ? [] : [binding]
}

const targetsOf = ({ code, targets }: ElementType): Check[] => {
  if (code !== 'Reference') return []
  const fragment: Check = (value, walk) => noteFragment(isJson(value) ? value.reference : undefined, walk, 'reference')
  const common = [fragment, checkReference, checkReferenceType]
  return targets.length === 0 ? common : [...common, referenceTargets(targets)]
}

const primitiveRules = ({ code }: ElementType): Check[] =>
  ['uri', 'url', 'canonical'].includes(code) ? [(value, walk) => noteFragment(value, walk)] : []
