import type { ResourceType } from '@medplum/fhirtypes'
import { beginning } from '../../fhir/beginning.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Search } from '../../search/search.ts'

/** What is recorded of a search, besides whose data it found. */
export const searchAsked = (registry: Registry, search: Pick<Search, 'type' | 'applied'>) => ({
  interaction: 'search-type',
  type: search.type,
  query: askedOf(registry, search),
})

/**
 * A search in its own words, as it is recorded. The only values are those that identify nobody: codes, dates (but not birth dates) and what shapes
 * the answer. Every other value is replaced by `…`.
 */
const askedOf = (registry: Registry, { type, applied }: Pick<Search, 'type' | 'applied'>): string | undefined => {
  if (applied.length === 0) return undefined
  return shortened(applied.map(([name, value]) => `${name}=${isKept(registry, type, name) ? value : '…'}`).join('&'))
}

/** Somebody who may not write anything should not be able to store much by asking: what they asked is kept for years. */
export const shortened = (asked: string, longest = 500): string =>
  asked.length > longest ? `${beginning(asked, longest)}…` : asked

const isKept = (registry: Registry, type: ResourceType, name: string): boolean => {
  if (shaping.has(name)) return true
  const [code = '', modifier] = name.split(':')
  if (modifier !== undefined && !harmless.has(modifier)) return false
  const parameter = registry.searchParameter(type, code)
  if (parameter === undefined || code.startsWith('_')) return false
  if (parameter.type === 'date') return !births.has(code)
  return parameter.type === 'token' && parameter.paths.every(({ datatype }) => coded.has(datatype))
}

const shaping: ReadonlySet<string> = new Set([
  '_contained',
  '_containedType',
  '_count',
  '_elements',
  '_include',
  '_include:iterate',
  '_lastUpdated',
  '_revinclude',
  '_revinclude:iterate',
  '_sort',
  '_summary',
  '_total',
  '_type',
])

const harmless: ReadonlySet<string> = new Set(['missing', 'not', 'in', 'not-in', 'above', 'below'])

const births: ReadonlySet<string> = new Set(['birthdate', 'death-date'])

const coded: ReadonlySet<string> = new Set(['code', 'Coding', 'CodeableConcept', 'boolean'])
