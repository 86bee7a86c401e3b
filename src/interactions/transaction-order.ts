import { randomUUID } from 'node:crypto'
import { FhirError } from '../fhir/error.ts'
import type { Entry } from './entry.ts'
import { atEntry } from './entry-error.ts'
import type { Interaction } from './interaction.ts'
import { referencedEntries } from './local-reference.ts'

/** An entry that knows which resource it is about: one to be created has got its id already. */
export type Placed = Entry & {
  readonly index: number
  readonly id: string
  /** `Patient/123`, as the others may refer to it. */
  readonly target: string
}

/** "If any resource identities (including resolved identities from conditional update/delete) overlap, the transaction SHALL fail." */
export const place = (entries: readonly Entry[]): readonly Placed[] => {
  const taken = new Map<string, number>()
  return entries.map((entry, index) => {
    const id = 'id' in entry.request ? entry.request.id : randomUUID()
    const target = 'type' in entry.request ? `${entry.request.type}/${id}` : ''
    const names =
      entry.interaction.method === 'GET' ? [] : [target, ...(entry.fullUrl === undefined ? [] : [entry.fullUrl])]
    atEntry(index, () => refuseTaken(taken, names))
    for (const name of names) taken.set(name, index)
    return { ...entry, index, id, target }
  })
}

const refuseTaken = (taken: ReadonlyMap<string, number>, names: readonly string[]): void => {
  const name = names.find(one => taken.has(one))
  if (name === undefined) return
  throw new FhirError('duplicate', `${name} is also what entry ${taken.get(name)} is about`, { status: 400 })
}

/** Writes that may go to the store together, in order: deletes, creates, updates; among these, first what others refer to. */
export const wavesOf = (entries: readonly Placed[]): readonly (readonly Placed[])[] => {
  const of = (name: Interaction['name']) => entries.filter(({ interaction }) => interaction.name === name)
  return [of('delete'), ...inOrder(of('create')), ...inOrder(of('update'))].filter(wave => wave.length > 0)
}

/** Those that refer to each other in a circle go together, and rely on the ids that they were given. */
const inOrder = (entries: readonly Placed[]): readonly (readonly Placed[])[] => {
  const names = new Set(entries.flatMap(namesOf))
  const waiting = entries.map(entry => {
    const own = new Set(namesOf(entry))
    const needs = referencedEntries(entry.request.body, entry.fullUrl, names)
    return { entry, needs: [...needs].filter(name => !own.has(name)) }
  })
  return wavesAmong(waiting)
}

type Waiting = { readonly entry: Placed; readonly needs: readonly string[] }

const wavesAmong = (waiting: readonly Waiting[]): readonly (readonly Placed[])[] => {
  const waves: (readonly Placed[])[] = []
  let rest = waiting
  while (rest.length > 0) {
    const open = new Set(rest.flatMap(({ entry }) => namesOf(entry)))
    const ready = rest.filter(({ needs }) => !needs.some(name => open.has(name)))
    const wave = ready.length === 0 ? rest : ready
    waves.push(wave.map(({ entry }) => entry))
    rest = rest.filter(one => !wave.includes(one))
  }
  return waves
}

const namesOf = ({ fullUrl, target }: Placed): readonly string[] =>
  fullUrl === undefined ? [target] : [fullUrl, target]
