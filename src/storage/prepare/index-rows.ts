import type { Identifier, Quantity, Reference, Resource, ResourceType } from '@medplum/fhirtypes'
import type { Interval } from '../../fhir/date.ts'
import { elementsAt } from '../../fhir/definition/element-path.ts'
import type { ElementPath, SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Steps } from '../../fhir/give-way.ts'
import { decimalText } from '../../fhir/json.ts'
import type { Registry } from '../../fhir/registry.ts'
import { isHot } from '../compile/hot.ts'
import { intervalOfElement } from '../values/date.ts'
import { unitsIn } from '../values/quantity.ts'
import { referenceTextOf } from '../values/reference.ts'
import { stringsOf } from '../values/string.ts'
import { hasSystem, tokensOf } from '../values/token.ts'
import { hash32, hash64 } from './hash.ts'
import { unitKey } from './unit.ts'

/** What the indexes hold of a resource. They only narrow a search down, and the content decides. */
export type IndexRows = {
  readonly tokens: bigint[]
  readonly strings: { readonly parameter: number; readonly value: string }[]
  readonly dates: ({ readonly parameter: number } & Interval)[]
  readonly numbers: { readonly parameter: number; readonly value: string }[]
  /** The keys of the units of all quantities in the dictionary, by which they are compared. */
  readonly units: Set<string>
}

/** Everything that the type's search parameters find in the resource, other than what its hot table answers. */
export const indexRows = function* (registry: Registry, resource: Resource): Steps<IndexRows> {
  const rows: IndexRows = { tokens: [], strings: [], dates: [], numbers: [], units: new Set() }
  for (const [element, indexers] of indexersOf(registry, resource.resourceType)) {
    if (!(element in resource)) continue
    for (const { path, add } of indexers)
      for (const value of elementsAt(path, resource)) {
        add(rows, value)
        yield
      }
  }
  return rows.strings.length > 1 ? { ...rows, strings: yield* distinct(rows.strings) } : rows
}

/** The text of a whole name may begin just as one of its parts does. */
const distinct = function* (strings: IndexRows['strings']): Steps<IndexRows['strings']> {
  const seen = new Set<string>()
  const kept: IndexRows['strings'] = []
  for (const one of strings) {
    const key = `${one.parameter} ${one.value}`
    if (!seen.has(key)) kept.push(one)
    seen.add(key)
    yield
  }
  return kept
}

/** A key of the token index; `*` stands for any system. */
export const tokenKey = ({ code: name }: Pick<SearchParameter, 'code'>, system: string, code: string): bigint =>
  hash64(`${name}:${system}|${code}`)

/** The key of a Reference's own identifier. */
export const identifierKey = (parameter: SearchParameter, system: string, value: string): bigint =>
  hash64(`${parameter.code}:identifier:${system}|${value}`)

/** The key of an Identifier together with a coding of its type. */
export const ofTypeKey = (parameter: SearchParameter, system: string, code: string, value: string): bigint =>
  hash64(`${parameter.code}:of-type:${system}|${code}|${value}`)

export const referenceKey = ({ code }: Pick<SearchParameter, 'code'>, text: string): bigint => hash64(`${code}:${text}`)

export const parameterKey = ({ base, code }: Pick<SearchParameter, 'base' | 'code'>): number =>
  hash32(`${base}.${code}`)

type Indexer = { readonly path: ElementPath; readonly add: (rows: IndexRows, value: unknown) => void }

/** By the element with which their paths begin, since a resource has only few of the elements that its type may have. */
type Indexers = ReadonlyMap<string, readonly Indexer[]>

const indexersByRegistry = new WeakMap<Registry, Map<ResourceType, Indexers>>()

const indexersOf = (registry: Registry, type: ResourceType): Indexers => {
  const byType = indexersByRegistry.get(registry) ?? new Map<ResourceType, Indexers>()
  indexersByRegistry.set(registry, byType)
  const known = byType.get(type)
  if (known !== undefined) return known
  const all = registry
    .searchParametersOf(type)
    .filter(parameter => !isHot(parameter) && !columns.has(parameter.code))
    .flatMap(parameter => parameter.paths.flatMap(path => indexerOf(parameter, path)))
  const made = Map.groupBy(all, ({ path }) => path.steps[0]?.name ?? '')
  byType.set(type, made)
  return made
}

/** Parameters that have columns of their own. */
const columns: ReadonlySet<string> = new Set(['_id', '_lastUpdated'])

const indexerOf = (parameter: SearchParameter, path: ElementPath): readonly Indexer[] => {
  if (path.test !== undefined) return []
  const add = adders[parameter.type]?.(parameter, path.datatype)
  return add === undefined ? [] : [{ path, add }]
}

type Adder = (parameter: SearchParameter, datatype: string) => Indexer['add'] | undefined

const adders: Readonly<Partial<Record<SearchParameter['type'], Adder>>> = {
  token: (parameter, datatype) => {
    const system = hasSystem(datatype)
    return (rows, value) => {
      for (const token of tokensOf(datatype, value)) {
        if (token.code === null) continue
        if (system && token.system !== null) rows.tokens.push(tokenKey(parameter, token.system, token.code))
        rows.tokens.push(tokenKey(parameter, '*', token.code))
      }
      if (datatype === 'Identifier') addTypes(rows, parameter, value as Identifier)
    }
  },
  reference: (parameter, datatype) => (rows, value) => {
    const text = referenceTextOf(datatype, value)
    if (text !== undefined) rows.tokens.push(referenceKey(parameter, text))
    if (datatype === 'Reference') addIdentifier(rows, parameter, value as Reference)
  },
  uri: (parameter, datatype) => (rows, value) => {
    const text = String(value)
    const anyVersion = datatype === 'canonical' ? (referenceTextOf(datatype, value) ?? text) : text
    for (const one of new Set([text, anyVersion])) rows.tokens.push(referenceKey(parameter, one))
  },
  string: (parameter, datatype) => {
    const key = parameterKey(parameter)
    return (rows, value) => {
      for (const text of stringsOf(datatype, value)) rows.strings.push({ parameter: key, value: text })
    }
  },
  date: (parameter, datatype) => {
    const key = parameterKey(parameter)
    return (rows, value) => {
      const interval = intervalOfElement(datatype, value)
      if (interval !== undefined) rows.dates.push({ parameter: key, low: interval.low, high: interval.high })
    }
  },
  number: numberAdder,
  quantity: numberAdder,
}

const addTypes = (rows: IndexRows, parameter: SearchParameter, { type, value }: Identifier): void => {
  for (const { system, code } of type?.coding ?? [])
    if (system !== undefined && code !== undefined && value !== undefined)
      rows.tokens.push(ofTypeKey(parameter, system, code, value))
}

const addIdentifier = (rows: IndexRows, parameter: SearchParameter, { identifier }: Reference): void => {
  if (identifier?.value === undefined) return
  if (identifier.system !== undefined) rows.tokens.push(identifierKey(parameter, identifier.system, identifier.value))
  rows.tokens.push(identifierKey(parameter, '*', identifier.value))
}

function numberAdder(parameter: SearchParameter, datatype: string): Indexer['add'] | undefined {
  const key = parameterKey(parameter)
  if (parameter.type === 'quantity') return quantityAdder(key, datatype)
  return (rows, value) => {
    const text = decimalText(value)
    if (text !== undefined) rows.numbers.push({ parameter: key, value: text })
  }
}

const quantityAdder =
  (key: number, datatype: string): Indexer['add'] =>
  (rows, value) => {
    const text = decimalText((value as Quantity).value)
    if (text !== undefined) rows.numbers.push({ parameter: key, value: text })
    const ends = unitsIn[datatype]?.map(name => (value as Readonly<Record<string, Quantity | undefined>>)[name])
    for (const quantity of ends ?? [value as Quantity]) {
      const unit = quantity === undefined ? undefined : unitKey(quantity)
      if (unit !== undefined) rows.units.add(unit)
    }
  }
