import type { Definition } from '../definitions.ts'
import { keyOf, type Resource } from '../examples.ts'
import { startOf } from '../match/date.ts'
import { valuesFor } from '../match/matches.ts'
import { folded } from '../match/string.ts'
import type { Found } from '../values.ts'

export type SortKey = { readonly definition: Definition; readonly descending: boolean }

export const sortText = (keys: readonly SortKey[]): string =>
  keys.map(({ definition, descending }) => `${descending ? '-' : ''}${definition.code}`).join()

/** Each pair of neighbours in the wrong order. https://hl7.org/fhir/R4/search.html#sort */
export const misplaced = (keys: readonly SortKey[], resources: readonly Resource[]): readonly string[] =>
  resources.flatMap((one, index) => {
    const next = resources[index + 1]
    return next !== undefined && compare(keys, one, next) > 0
      ? [`${keyOf(one)} (${placesOf(keys, one)}) before ${keyOf(next)} (${placesOf(keys, next)})`]
      : []
  })

const compare = (keys: readonly SortKey[], one: Resource, other: Resource): number => {
  for (const key of keys) {
    const [left, right] = [placeOf(key, one), placeOf(key, other)]
    if (left === right) continue
    // Missing values come last, in both directions.
    if (left === undefined) return 1
    if (right === undefined) return -1
    return isBefore(key, left, right) === key.descending ? 1 : -1
  }
  return 0
}

const placesOf = (keys: readonly SortKey[], one: Resource): string => keys.map(key => placeOf(key, one)).join()

type Place = string | number

/** "the sort is based on the item in the set of multiple parameters that comes earliest in the specified sort order" */
const placeOf = ({ definition, descending }: SortKey, resource: Resource): Place | undefined => {
  const places = valuesFor(definition, resource)
    .map(found => placeOfValue(definition, found))
    .filter(place => place !== undefined)
  const isFirst = (one: Place, other: Place) => isBefore({ definition }, one, other) !== descending
  return places.toSorted((one, other) => (one === other ? 0 : isFirst(one, other) ? -1 : 1))[0]
}

/** Numbers in strings come by their value; of two that differ by nothing else, such as 2 and 02, the bytes decide. */
const isBefore = ({ definition }: Pick<SortKey, 'definition'>, one: Place, other: Place): boolean => {
  const order = definition.type === 'string' ? inWords(String(one), String(other)) : 0
  return order === 0 ? one < other : order < 0
}

const inWords = new Intl.Collator('en', { numeric: true }).compare

const placeOfValue = (definition: Definition, found: Found): Place | undefined => {
  if (definition.code === '_id') return resourceId(found)
  if (definition.type === 'date') return startOf(found)
  if (definition.type === 'number' || definition.type === 'quantity') return amountOf(found)
  const text = textOf(found)
  return text === undefined ? undefined : folded(text)
}

const resourceId = ({ value }: Found): string => String(value)

type Amount = { readonly value?: number; readonly low?: { readonly value?: number } }

const amountOf = ({ type, value }: Found): number | undefined => {
  if (typeof value === 'number') return value
  return type === 'Range' ? (value as Amount).low?.value : (value as Amount).value
}

/** The specification leaves to the server which part of a complex datatype is sorted by. */
const textOf = ({ type, value }: Found): string | undefined =>
  typeof value === 'object' ? textParts[type]?.(value as Parts) : String(value)

type Parts = {
  readonly coding?: readonly { readonly code?: string }[]
  readonly given?: readonly string[]
} & Readonly<Record<'text' | 'code' | 'value' | 'reference' | 'family' | 'city' | 'country', string | undefined>>

const textParts: Readonly<Record<string, (parts: Parts) => string | undefined>> = {
  CodeableConcept: ({ coding, text }) => coding?.[0]?.code ?? text,
  Coding: ({ code }) => code,
  Identifier: ({ value }) => value,
  ContactPoint: ({ value }) => value,
  Reference: ({ reference }) => reference,
  HumanName: ({ family, text, given }) => family ?? text ?? given?.[0],
  Address: ({ text, city, country }) => text ?? city ?? country,
}
