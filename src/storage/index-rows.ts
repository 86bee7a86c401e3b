import type { Resource, ResourceType } from '@medplum/fhirtypes'
import type { Interval } from '../fhir/date.ts'
import { elementsAt } from '../fhir/element-path.ts'
import { decimalText } from '../fhir/json.ts'
import type { Registry } from '../fhir/registry.ts'
import type { ElementPath, SearchParameter } from '../fhir/search-parameter.ts'
import { hash32, hash64 } from './hash.ts'
import { isHot } from './hot.ts'
import { intervalOfElement } from './values/date.ts'
import { quantities } from './values/quantity.ts'
import { referenceTextOf } from './values/reference.ts'
import { stringsOf } from './values/string.ts'
import { hasSystem, tokensOf } from './values/token.ts'

/** What the indexes know of a resource. They only narrow a search; the content decides. */
export type IndexRows = {
  readonly tokens: bigint[]
  readonly strings: { readonly parameter: number; readonly value: string }[]
  readonly dates: ({ readonly parameter: number } & Interval)[]
  readonly numbers: { readonly parameter: number; readonly value: string }[]
}

/** Everything that the type's search parameters find in the resource, but for what its own hot table answers. */
export const indexRows = (registry: Registry, resource: Resource): IndexRows => {
  const rows: IndexRows = { tokens: [], strings: [], dates: [], numbers: [] }
  for (const { path, add } of indexersOf(registry, resource.resourceType)) {
    for (const value of elementsAt(path, resource)) add(rows, value)
  }
  return rows
}

/** Keys of the token index: `*` stands for any system. */
export const tokenKey = (parameter: SearchParameter, system: string, code: string): bigint =>
  hash64(`${parameter.code}:${system}|${code}`)

export const referenceKey = ({ code }: Pick<SearchParameter, 'code'>, text: string): bigint => hash64(`${code}:${text}`)

export const parameterKey = ({ base, code }: SearchParameter): number => hash32(`${base}.${code}`)

type Indexer = { readonly path: ElementPath; readonly add: (rows: IndexRows, value: unknown) => void }

const indexersByRegistry = new WeakMap<Registry, Map<ResourceType, readonly Indexer[]>>()

const indexersOf = (registry: Registry, type: ResourceType): readonly Indexer[] => {
  const byType = indexersByRegistry.get(registry) ?? new Map<ResourceType, readonly Indexer[]>()
  indexersByRegistry.set(registry, byType)
  const known = byType.get(type)
  if (known !== undefined) return known
  const made = registry
    .searchParametersOf(type)
    .filter(parameter => !isHot(parameter) && !columns.has(parameter.code))
    .flatMap(parameter => parameter.paths.flatMap(path => indexerOf(parameter, path)))
  byType.set(type, made)
  return made
}

/** Answered by columns of their own. */
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
    }
  },
  reference: (parameter, datatype) => (rows, value) => {
    const text = referenceTextOf(datatype, value)
    if (text !== undefined) rows.tokens.push(referenceKey(parameter, text))
  },
  uri: parameter => (rows, value) => {
    rows.tokens.push(referenceKey(parameter, String(value)))
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

function numberAdder(parameter: SearchParameter, datatype: string): Indexer['add'] | undefined {
  const key = parameterKey(parameter)
  const inside = quantities.has(datatype)
  if (!inside && parameter.type === 'quantity') return undefined
  return (rows, value) => {
    const text = decimalText(inside ? (value as { value?: unknown }).value : value)
    if (text !== undefined) rows.numbers.push({ parameter: key, value: text })
  }
}
