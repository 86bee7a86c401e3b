import { conditionalReferences, referencedEntries } from './local-reference.ts'
import type { Placed } from './transaction-claims.ts'

/** An entry of a transaction, and what keys join it to others: it waits for all that make one of the keys that it waits for. */
export type Waiting = {
  readonly entry: Placed
  /** The types that its conditional references ask for. */
  readonly asks: ReadonlySet<string>
  /** Its own names, and what is there once all are written of its type. */
  readonly makes: readonly string[]
  /** Of what any of the others makes. */
  readonly waits: readonly string[]
}

export const waitingAmong = (entries: readonly Placed[]): readonly Waiting[] => {
  const names = new Set(entries.flatMap(namesOf))
  const asking = entries.map(entry => ({ entry, asks: typesAsked(entry) }))
  const making = asking.map(({ entry, asks }) => ({ entry, asks, makes: [...namesOf(entry), ...kindsOf(entry, asks)] }))
  const made = new Set(making.flatMap(({ makes }) => makes))
  return making.map(({ entry, asks, makes }) => {
    const needs = [...referencedEntries(entry.request.body, entry.fullUrl, names)]
    const kinds = [...asks].map(type => (type === typeOf(entry) ? othersOf(type) : allOf(type)))
    return { entry, asks, makes, waits: [...needs, ...kinds].filter(key => made.has(key) && !makes.includes(key)) }
  })
}

const typesAsked = ({ request }: Placed): ReadonlySet<string> =>
  new Set([...conditionalReferences(request.body)].map(reference => reference.split('?')[0] ?? ''))

/** What criteria may find, and not an entry by its name. */
export const isOfCriteria = (key: string): boolean => key.startsWith('?')

const allOf = (type: string): string => `?${type}`
/** Those that ask for their own type wait for all of it that do not. */
const othersOf = (type: string): string => `?others of ${type}`

const kindsOf = (entry: Placed, asks: ReadonlySet<string>): readonly string[] => {
  const type = typeOf(entry)
  return asks.has(type) ? [allOf(type)] : [allOf(type), othersOf(type)]
}

/** Those that wait for one of them as well, however far. */
export const withThoseThatWait = (among: readonly Waiting[], first: readonly Waiting[]): ReadonlySet<Waiting> => {
  const found = new Set(first)
  if (found.size === 0) return found
  const waiting = byWhatTheyWaitFor(among)
  for (const { makes } of found) for (const key of makes) for (const one of waiting.get(key) ?? []) found.add(one)
  return found
}

export const byWhatTheyWaitFor = (among: readonly Waiting[]): ReadonlyMap<string, readonly Waiting[]> => {
  const found = new Map<string, Waiting[]>()
  for (const one of among)
    for (const key of one.waits) {
      const others = found.get(key)
      if (others === undefined) found.set(key, [one])
      else others.push(one)
    }
  return found
}

export const typeOf = ({ request }: Placed): string => ('type' in request ? request.type : '')

const namesOf = ({ fullUrl, target }: Placed): readonly string[] => [fullUrl, target].filter(name => name !== undefined)
