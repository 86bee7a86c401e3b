import { conditionalReferences, referencedEntries } from './local-reference.ts'
import type { Placed } from './transaction-claims.ts'

/**
 * An entry of a transaction, with the keys by which it is ordered: it waits for all entries that make a key for which it waits. A key is a name of
 * an entry (its fullUrl, or `Patient/123`), or a type, which is made once all entries of the type are written.
 */
export type Waiting = {
  readonly entry: Placed
  /** The types to which it has conditional references. */
  readonly asks: ReadonlySet<string>
  readonly makes: readonly string[]
  /** The keys for which it waits; only those that another entry makes. */
  readonly waits: readonly string[]
}

export const waitingAmong = (entries: readonly Placed[]): readonly Waiting[] => {
  const names = new Set(entries.flatMap(namesOf))
  const making = entries.map(entry => {
    const asks = typesAsked(entry)
    return { entry, asks, makes: [...namesOf(entry), ...typeKeysOf(entry, asks)] }
  })
  const made = new Set(making.flatMap(({ makes }) => makes))
  return making.map(({ entry, asks, makes }) => {
    const named = [...referencedEntries(entry.request.body, entry.fullUrl, names)]
    const types = [...asks].map(type => (type === typeOf(entry) ? othersOf(type) : allOf(type)))
    return { entry, asks, makes, waits: [...named, ...types].filter(key => made.has(key) && !makes.includes(key)) }
  })
}

const typesAsked = ({ request }: Placed): ReadonlySet<string> =>
  new Set([...conditionalReferences(request.body)].map(reference => reference.split('?')[0] ?? ''))

/** Whether it is the key of a type, of which criteria may find something, and not the name of an entry. */
export const isOfCriteria = (key: string): boolean => key.startsWith('?')

const allOf = (type: string): string => `?${type}`
/** An entry with a conditional reference to its own type waits for the entries of the type that have none. */
const othersOf = (type: string): string => `?others of ${type}`

const typeKeysOf = (entry: Placed, asks: ReadonlySet<string>): readonly string[] => {
  const type = typeOf(entry)
  return asks.has(type) ? [allOf(type)] : [allOf(type), othersOf(type)]
}

/** Those of `first`, and all that wait for one of them, directly or by way of others. */
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
