import type { Example } from '../examples.ts'

/** One change to a copy of a resource, at one of its elements. */
type Mutation = { readonly name: string; readonly apply: (parent: Record<string, unknown>, key: string) => void }

const mutations: readonly Mutation[] = [
  { name: 'removed', apply: (parent, key) => delete parent[key] },
  { name: 'renamed', apply: (parent, key) => rename(parent, key, `${key}x`) },
  { name: 'null', apply: (parent, key) => set(parent, key, null) },
  { name: 'empty text', apply: (parent, key) => set(parent, key, '') },
  { name: 'empty array', apply: (parent, key) => set(parent, key, []) },
  { name: 'empty object', apply: (parent, key) => set(parent, key, {}) },
  { name: 'in an array', apply: (parent, key) => set(parent, key, [parent[key]]) },
  { name: 'out of its array', apply: (parent, key) => set(parent, key, [parent[key]].flat()[0]) },
  { name: 'a number', apply: (parent, key) => set(parent, key, 3.5) },
  { name: 'other text', apply: (parent, key) => set(parent, key, 'another-text') },
  { name: 'text with spaces', apply: (parent, key) => set(parent, key, ' two  words ') },
  { name: 'a boolean', apply: (parent, key) => set(parent, key, true) },
  { name: 'the 30th of February', apply: (parent, key) => set(parent, key, '2026-02-30') },
  { name: 'an unknown sibling', apply: parent => set(parent, 'unheardOf', 'here') },
  { name: 'a second choice', apply: (parent, key) => secondChoice(parent, key) },
]

/** Copies of an example, each changed in one place. The seed decides which, so it is the same in every run. */
export function* mutated(
  { name, resource }: Example,
  count: number,
): Generator<Example & { readonly mutation: string }> {
  for (let index = 0; index < count; index += 1) {
    const seed = hash(`${name} ${index}`)
    const copy = JSON.parse(JSON.stringify(resource)) as Record<string, unknown>
    const places = placesIn(copy)
    const place = places[seed % places.length]
    const mutation = mutations[index % mutations.length]
    if (place === undefined || mutation === undefined) continue
    mutation.apply(place.parent, place.key)
    yield { name: `${name} ${place.path} ${mutation.name}`, resource: copy, mutation: mutation.name }
  }
}

type Place = { readonly parent: Record<string, unknown>; readonly key: string; readonly path: string }

const placesIn = (value: unknown, path = ''): Place[] => {
  if (Array.isArray(value)) return value.flatMap((child, index) => placesIn(child, `${path}[${index}]`))
  if (typeof value !== 'object' || value === null) return []
  const parent = value as Record<string, unknown>
  return Object.keys(parent)
    .filter(key => key !== 'resourceType' && key !== 'div')
    .flatMap(key => [{ parent, key, path: `${path}.${key}` }, ...placesIn(parent[key], `${path}.${key}`)])
}

const set = (parent: Record<string, unknown>, key: string, value: unknown): void => {
  parent[key] = value
}

const rename = (parent: Record<string, unknown>, key: string, to: string): void => {
  parent[to] = parent[key]
  delete parent[key]
}

const secondChoice = (parent: Record<string, unknown>, key: string): void => {
  if (key.startsWith('value'))
    parent[key === 'valueString' ? 'valueBoolean' : 'valueString'] = key === 'valueString' ? true : 'second'
}

/** FNV-1a: well distributed, and the same everywhere. */
const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return value
}
