import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Registry } from '../fhir/registry.ts'
import { elementNames } from '../fhir/subset.ts'
import { refusal } from './refusal.ts'
import type { Search, Sort } from './search.ts'
import { mostAsked, parseWholeNumber } from './written-value.ts'

/** How the answer is shaped, as opposed to what is found. https://hl7.org/fhir/R4/search.html#return */
export type Shape = Pick<Search, 'sort' | 'count' | 'total' | 'summary' | 'elements' | 'cursor'>

/** The parameter by which a next link says where its page begins. */
export const cursorName = '_cursor'

export const defaultCount = 20
export const maxCount = 1000

export const defaultShape: Shape = {
  sort: [],
  count: defaultCount,
  total: 'none',
  summary: undefined,
  elements: undefined,
  cursor: undefined,
}

export const resultNames = [
  '_count',
  '_sort',
  '_total',
  '_summary',
  '_elements',
  '_contained',
  '_containedType',
  cursorName,
  '_format',
  '_pretty',
] as const

/** Whether it says only how the answer is written; any interaction takes these. https://hl7.org/fhir/R4/http.html#parameters */
export const isPresentationName = (name: string): boolean => name === '_format' || name === '_pretty'

export type ResultName = (typeof resultNames)[number]

export const isResultName = (name: string): name is ResultName => resultNames.some(one => one === name)

type Searched = {
  readonly registry: Registry
  readonly type: ResourceType
  /** All types that are searched together. */
  readonly types: readonly ResourceType[]
}

/** The shape that the parameter asks for, and the value that was applied, for the self link. */
export const parseResultParameter = (
  [name, text]: readonly [name: ResultName, text: string],
  { registry, type, types }: Searched,
): { readonly shape: Partial<Shape>; readonly applied: string } => {
  switch (name) {
    case '_count':
      return parseCount(text)
    case '_sort':
      return { shape: { sort: parseSort(registry, type, text) }, applied: text }
    case '_total':
      return { shape: { total: oneOf(name, text, ['none', 'estimate', 'accurate']) }, applied: text }
    case '_summary':
      return { shape: { summary: parseSummary(text) }, applied: text }
    case '_elements':
      return { shape: { elements: parseElements(registry, types, text) }, applied: text }
    case '_contained':
      if (asksForContained(name, text))
        throw refusal(name, `_contained=${text} is not supported: ${foundAround}; accepted: false`)
      return { shape: {}, applied: oneOf(name, text, ['false']) }
    case '_containedType':
      return { shape: {}, applied: oneOf(name, text, ['container', 'contained']) }
    case cursorName:
      if (text === '') throw refusal(name, `${name} is empty; take it whole from a next link`)
      return { shape: { cursor: text }, applied: text }
    case '_format':
    case '_pretty':
      return { shape: {}, applied: text }
  }
}

/** Contained resources are not searched. Asking for them is refused, or passed over if the handling is lenient. */
export const asksForContained = (name: string, text: string): boolean =>
  name === '_contained' && (text === 'true' || text === 'both')

const foundAround = 'what a resource contains is answered within it alone'

/** https://hl7.org/fhir/R4/search.html#summary */
export const parseSummary = (text: string): Search['summary'] => {
  const word = oneOf('_summary', text, ['true', 'text', 'data', 'count', 'false'])
  return word === 'false' ? undefined : word
}

/** If several types are searched, each element need belong to one of them only. https://hl7.org/fhir/R4/search.html#elements */
export const parseElements = (
  { structures }: Registry,
  types: readonly ResourceType[],
  text: string,
): readonly string[] => {
  const names = text.split(',')
  const unknown = names.find(name => types.every(type => elementNames(structures, type, name) === undefined))
  if (unknown === undefined) return names
  const [only = '', ...others] = types
  if (others.length > 0) throw refusal('_elements', `No type here has an element "${unknown}"`)
  const known = [...(structures.get(only)?.root.children.keys() ?? [])]
  throw refusal('_elements', `${only} has no element "${unknown}"; it has: ${known.join(', ')}`)
}

const parseCount = (text: string): { readonly shape: Partial<Shape>; readonly applied: string } => {
  const count = parseWholeNumber('_count', text, { least: 0, most: mostAsked, cap: maxCount })
  return { shape: { count }, applied: String(count) }
}

/** https://hl7.org/fhir/R4/search.html#sort */
const parseSort = (registry: Registry, type: ResourceType, text: string): readonly Sort[] => {
  const sort = text.split(',').map(key => parseKey(registry, type, key))
  const codes = sort.map(key => key.parameter.code)
  const twice = codes.find((code, index) => codes.indexOf(code) !== index)
  if (twice !== undefined) throw refusal('_sort', `_sort names "${twice}" twice`)
  return sort
}

const parseKey = (registry: Registry, type: ResourceType, key: string): Sort => {
  const descending = key.startsWith('-')
  const parameter = registry.searchParameter(type, descending ? key.slice(1) : key)
  if (parameter !== undefined && isSortable(parameter)) return { parameter, descending }
  const codes = registry.searchParametersOf(type).filter(isSortable)
  throw refusal(
    '_sort',
    `${type} cannot be sorted by "${key}"; accepted, with or without "-": ${codes.map(one => one.code).join(', ')}`,
  )
}

const isSortable = ({ type }: SearchParameter): boolean => type !== 'composite' && type !== 'special'

const oneOf = <Word extends string>(name: ResultName, text: string, words: readonly Word[]): Word => {
  const word = words.find(one => one === text)
  if (word !== undefined) return word
  throw refusal(name, `${name} "${text}" is not supported; accepted: ${words.join(', ')}`)
}
