import type { ResourceType } from '@medplum/fhirtypes'
import { type PathExpression, parsePath } from './path-expression.ts'
import { isResourceType, resourceTypes } from './resource-type.ts'
import type { ElementPath, PathStep, SearchParameterType } from './search-parameter.ts'
import { childOf, type Element, type ElementType, type Structures } from './structure.ts'

/** How far an expression has led: to which element, which of its types are still possible, and by which steps. */
export type Way = {
  readonly steps: readonly PathStep[]
  readonly element: Element
  readonly types: readonly ElementType[]
  readonly isTest?: boolean
}

/** The way with no step yet. Undefined if the type is not defined. */
export const startOf = (structures: Structures, type: string): Way | undefined => {
  const root = structures.get(type)?.root
  return root === undefined ? undefined : { steps: [], element: root, types: [{ code: type, targets: [] }] }
}

/** All ways of an expression from a context. An alternative of it that starts at another resource type has no way. */
export const waysOf = (structures: Structures, from: Way, expression: string): Way[] =>
  follow({ structures, from }, parsePath(expression))

/** The ways as paths for a parameter. A choice element gives one path for each of its types that such a parameter can use. */
export const toPaths = (ways: readonly Way[], type: SearchParameterType): ElementPath[] => {
  const paths = ways
    .flatMap(way => way.types.map(one => toPath(way, one.code, type)))
    .filter(path => path !== undefined)
  return paths.filter((path, index) => paths.findIndex(other => isSame(path, other)) === index)
}

/** What the references at the end of the ways may point to; empty if nothing is said, and so anything. */
export const targetsOf = (ways: readonly Way[]): readonly ResourceType[] => {
  const references = ways.flatMap(way => way.types.filter(type => pointers.has(type.code)))
  if (references.some(type => type.targets.length === 0)) return resourceTypes
  return [...new Set(references.flatMap(type => type.targets))].filter(isResourceType)
}

type Context = { readonly structures: Structures; readonly from: Way }

const follow = (context: Context, expression: PathExpression): Way[] => {
  switch (expression.kind) {
    case 'union':
      return expression.of.flatMap(one => follow(context, one))
    case 'child':
      return expression.of === undefined
        ? head(context, expression.name)
        : follow(context, expression.of).flatMap(way => child(context, way, expression.name))
    case 'as':
      return follow(context, expression.of).flatMap(way => narrow(way, expression.type))
    case 'resolves':
      return follow(context, expression.of).map(way => pointing(way, expression.type))
    case 'index':
      return follow(context, expression.of).map(way => lastStep(way, { index: expression.index }))
    case 'where':
      return follow(context, expression.of).map(way =>
        lastStep(way, { where: { name: expression.name, equals: expression.equals } }),
      )
    case 'test':
      return follow(context, expression.of).map(way => ({ ...way, isTest: true }))
  }
}

const head = (context: Context, name: string): Way[] => {
  const own = context.from.types.some(type => type.code === name)
  if (own || name === 'Resource' || name === 'DomainResource') return [context.from]
  return isResourceType(name) ? [] : child(context, context.from, name)
}

const child = ({ structures }: Context, way: Way, name: string): Way[] =>
  way.types.flatMap(type => {
    const element = childOf(structures, way.element, type.code, name)
    if (element === undefined) return []
    const steps = [...settled(way, type.code), { name }]
    return [
      {
        steps,
        element,
        types: element.types.length === 0 ? [{ code: 'BackboneElement', targets: [] }] : element.types,
      },
    ]
  })

const narrow = (way: Way, name: string): Way[] => {
  const wanted = name.toLowerCase()
  const types = way.types.filter(({ code }) => code.toLowerCase() === wanted || specializes[code] === wanted)
  return types.length === 0 ? [] : [{ ...way, types }]
}

/** "items that are of the given type or a subclass thereof": the types of choices that are a subclass of another. */
const specializes: Readonly<Record<string, string>> = { canonical: 'uri', url: 'uri', oid: 'uri', uuid: 'uri' }

const pointing = (way: Way, target: string): Way => ({
  ...lastStep(way, { refersTo: target }),
  types: way.types.map(type => (pointers.has(type.code) ? { ...type, targets: [target] } : type)),
})

const lastStep = (way: Way, more: Partial<PathStep>): Way => ({
  ...way,
  steps: way.steps.map((step, index) => (index === way.steps.length - 1 ? { ...step, ...more } : step)),
})

/** The JSON name of a choice element depends on its type. */
const settled = ({ steps, element }: Way, type: string): readonly PathStep[] =>
  element.isChoice && steps.length > 0
    ? steps.map((step, index) => (index === steps.length - 1 ? { ...step, name: choiceName(step.name, type) } : step))
    : steps

export const choiceName = (name: string, type: string): string => {
  const datatype = plain[type] ?? type
  return name + datatype.charAt(0).toUpperCase() + datatype.slice(1)
}

/** The names that an element may have in JSON, each with its type; none if its content is defined elsewhere. */
export const namesOf = ({
  name,
  isChoice,
  types,
}: Element): readonly { readonly name: string; readonly type: string }[] =>
  types.length === 0
    ? [{ name, type: '' }]
    : types.map(({ code }) => ({ name: isChoice ? choiceName(name, code) : name, type: code }))

const toPath = (way: Way, datatype: string, type: SearchParameterType): ElementPath | undefined => {
  const steps = settled(way, datatype)
  if (way.isTest) return { steps, datatype: 'boolean', test: 'exists-and-not-false' }
  const usable = usableBy[type]
  if (way.element.isChoice && usable !== undefined && !usable.has(datatype)) return undefined
  const { requiredValueSet: valueSet } = way.element
  return datatype === 'code' && valueSet !== undefined
    ? { steps, datatype, valueSet }
    : { steps, datatype: plain[datatype] ?? datatype }
}

const isSame = (one: ElementPath, other: ElementPath): boolean => JSON.stringify(one) === JSON.stringify(other)

const plain: Readonly<Record<string, string>> = { SimpleQuantity: 'Quantity', MoneyQuantity: 'Quantity' }
const pointers: ReadonlySet<string> = new Set(['Reference', 'canonical'])

/** https://hl7.org/fhir/R4/search.html#ptypes: which types of a choice a parameter looks at. */
const usableBy: Readonly<Partial<Record<SearchParameterType, ReadonlySet<string>>>> = {
  token: new Set(['code', 'boolean', 'Coding', 'CodeableConcept', 'Identifier', 'ContactPoint', 'id', 'uri', 'string']),
  reference: new Set(['Reference', 'canonical', 'uri', 'url']),
  date: new Set(['date', 'dateTime', 'instant', 'Period', 'Timing']),
  string: new Set(['string', 'markdown', 'HumanName', 'Address', 'CodeableConcept']),
  quantity: new Set([
    'Quantity',
    'SimpleQuantity',
    'MoneyQuantity',
    'Money',
    'Age',
    'Duration',
    'Count',
    'Distance',
    'Range',
    'SampledData',
  ]),
  number: new Set(['integer', 'decimal', 'positiveInt', 'unsignedInt', 'Range']),
  uri: new Set(['uri', 'url', 'canonical', 'oid', 'uuid']),
}
