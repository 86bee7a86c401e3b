import { isNumber } from '../json.ts'
import { type Check, deepestPath, isJson, type Json, kindOf, report, type Walk } from './walk.ts'

/** One JSON property of an object. */
export type Field = {
  /** As in FHIRPath: without the underscore, and for a choice without its type. */
  readonly name: string
  readonly check: (value: unknown, walk: Walk, parent: Json) => void
  /** The bit of its element, if it is required or a choice; otherwise 0. */
  readonly bit: number
  readonly isChoice: boolean
}

export type Shape = {
  readonly typeName: string
  readonly fields: ReadonlyMap<string, Field>
  readonly required: readonly { readonly name: string; readonly bit: number; readonly accepted: string }[]
  readonly rules: readonly Check[]
  readonly isResource: boolean
  /** Set for what is beside the value of a primitive, where an id alone is enough. */
  readonly hasValue?: true
}

/** Checks an object: no unknown elements, none missing, one type of each choice, and the rules of the whole. */
export const objectCheck = (shape: Shape): Check => {
  const requiredBits = shape.required.reduce((bits, { bit }) => bits | bit, 0)
  return (value, walk) => {
    if (!isObject(shape, value, walk)) return
    const seen = checkFields(shape, value, walk)
    if ((seen & requiredBits) !== requiredBits) reportMissing(shape, seen, walk)
    if (!walk.isTooDeep) for (const rule of shape.rules) rule(value, walk)
  }
}

const isObject = ({ typeName }: Shape, value: unknown, walk: Walk): value is Json => {
  if (!isJson(value) || isNumber(value)) {
    report(walk, 'structure', `expected an object (${typeName}), found ${kindOf(value)}`)
    return false
  }
  if (walk.path.length <= deepestPath) return true
  walk.isTooDeep = true
  report(
    walk,
    'structure',
    `nested too deep: the path to an element that has elements of its own has at most ${deepestPath} names and indexes`,
  )
  return false
}

/** Answers the bits of the elements that are present. */
const checkFields = (shape: Shape, value: Json, walk: Walk): number => {
  let seen = 0
  let isEmpty = !shape.isResource
  for (const key in value) {
    if (key !== 'id' || shape.hasValue) isEmpty = false
    const field = shape.fields.get(key)
    if (field === undefined) {
      unknownElement(shape, key, walk)
      continue
    }
    if (field.isChoice && (seen & field.bit) !== 0) checkChoice(shape, field, value, walk)
    seen |= field.bit
    field.check(value[key], walk, value)
  }
  if (isEmpty) report(walk, 'invariant', 'ele-1: an element has a value or children; one that is empty is left out')
  return seen
}

const unknownElement = ({ typeName, fields }: Shape, key: string, walk: Walk): void => {
  const names = [...new Set([...fields.values()].map(field => field.name))]
  const listed = names.length > mostNamed ? `${names.slice(0, mostNamed).join(', ')} …` : names.join(', ')
  report(walk, 'structure', `'${key}' is not an element of ${typeName}; its elements are ${listed}`, key)
}
const mostNamed = 40

/** `valueString` and `_valueString` are two parts of one element; `valueString` and `valueCode` are one too many. */
const checkChoice = ({ fields }: Shape, { name, bit }: Field, value: Json, walk: Walk): void => {
  const types = Object.keys(value).filter(key => fields.get(key)?.bit === bit && fields.get(key)?.isChoice)
  const distinct = [...new Set(types.map(key => key.replace(/^_/, '')))]
  const isReported = walk.issues.some(({ message }) => message === choiceMessage(name, distinct))
  if (distinct.length > 1 && !isReported) report(walk, 'structure', choiceMessage(name, distinct), name)
}

const choiceMessage = (name: string, keys: readonly string[]): string =>
  `only one of ${name}[x] may be there, found ${keys.join(' and ')}`

const reportMissing = ({ required, typeName }: Shape, seen: number, walk: Walk): void => {
  for (const { name, bit, accepted } of required) {
    if ((seen & bit) === 0) report(walk, 'required', `${typeName} needs ${name} (${accepted})`, name)
  }
}
