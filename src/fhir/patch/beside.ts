import { isObject } from '../json.ts'
import type { Json, Location } from './location.ts'
import { listAt } from './patch-value.ts'

/** Makes the place for the id and extensions of a primitive that has none yet: https://hl7.org/fhir/R4/json.html#primitive */
export const holderBeside = ({ parent, key, index }: NonNullable<Location['place']>): Json => {
  const holder: Json = {}
  const beside = parent[`_${key}`]
  if (index === undefined) parent[`_${key}`] = holder
  else {
    const held: readonly unknown[] = Array.isArray(beside) ? beside : []
    parent[`_${key}`] = listAt(parent, key).map((_, at) => (at === index ? holder : (held[at] ?? null)))
  }
  return holder
}

/** Removes what is left after the last extension of a primitive was removed: no object of FHIR is empty. */
export const dropEmptyBeside = (value: unknown): void => {
  if (Array.isArray(value)) for (const item of value) dropEmptyBeside(item)
  if (!isObject(value)) return
  for (const [name, child] of Object.entries(value)) {
    dropEmptyBeside(child)
    if (!name.startsWith('_')) continue
    if (isEmpty(child)) delete value[name]
    else if (Array.isArray(child)) keepItems(value, name, child)
  }
}

const keepItems = (parent: Json, name: string, items: readonly unknown[]): void => {
  const kept = items.map(item => (isEmpty(item) ? null : item))
  if (kept.every(item => item === null)) delete parent[name]
  else parent[name] = kept
}

const isEmpty = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 0
