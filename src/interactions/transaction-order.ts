import type { Placed } from './transaction-claims.ts'
import {
  byWhatTheyWaitFor,
  isOfCriteria,
  typeOf,
  type Waiting,
  waitingAmong,
  withThoseThatWait,
} from './transaction-waits.ts'

export const isWrite = ({ interaction }: Placed): boolean => interaction.prepare !== undefined

/**
 * Deletes, then creates, then changes, and reads at last; but conditional references are resolved behind all that is written: a create with one to
 * a type of which something is changed comes with the changes, and so does what waits for such a create. https://hl7.org/fhir/R4/http.html#trules
 */
export const inPhases = (placed: readonly Placed[]) => {
  const of = (...methods: readonly string[]) => placed.filter(({ interaction }) => methods.includes(interaction.method))
  const creates = waitingAmong(of('POST').filter(isWrite))
  const changes = of('PUT', 'PATCH')
  const changed = new Set(changes.map(typeOf))
  const late = withThoseThatWait(
    creates,
    creates.filter(({ asks }) => !asks.isDisjointFrom(changed)),
  )
  return {
    deletes: of('DELETE'),
    creates: creates.filter(one => !late.has(one)).map(({ entry }) => entry),
    changes,
    lateCreates: creates.filter(one => late.has(one)).map(({ entry }) => entry),
    reads: placed.filter(one => !isWrite(one) && one.interaction.decide === undefined),
  }
}

/**
 * Writes that may go to the store together, first what others refer to, or may find by a conditional reference. Those that refer to each other in a
 * circle go together, and rely on the ids that they were given; so do all that are left of a long chain.
 */
export const inOrder = (entries: readonly Placed[]): readonly (readonly Placed[])[] => {
  const open = new Set(waitingAmong(entries))
  const unmade = countOf([...open].flatMap(({ makes }) => makes))
  const waitedFor = new Map([...open].map(one => [one, one.waits.length]))
  const waiting = byWhatTheyWaitFor([...open])
  const waves: (readonly Placed[])[] = []
  let ready = [...open].filter(({ waits }) => waits.length === 0)
  while (open.size > 0) {
    const next = ready.length > 0 ? ready : inCircles([...open], unmade)
    const wave = waves.length < mostWaves ? next : [...open]
    waves.push(wave.toSorted(byTarget).map(({ entry }) => entry))
    for (const one of wave) open.delete(one)
    const made = wave.flatMap(({ makes }) => makes).filter(key => take(unmade, key) === 0)
    ready = made.flatMap(key => waiting.get(key) ?? []).filter(one => take(waitedFor, one) === 0 && open.has(one))
  }
  return waves
}

/** Each is some statements. */
const mostWaves = 100

/** Where each waits for another: what waits for nothing that criteria may find comes before what does, and at last all that is left. */
const inCircles = (open: readonly Waiting[], unmade: ReadonlyMap<string, number>): readonly Waiting[] => {
  const asking = open.filter(({ waits }) => waits.some(key => isOfCriteria(key) && unmade.get(key) !== 0))
  const late = withThoseThatWait(open, asking)
  return late.size === open.length ? open : open.filter(one => !late.has(one))
}

const countOf = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

/** How many are left. */
const take = <Key>(counts: Map<Key, number>, key: Key): number => {
  const left = (counts.get(key) ?? 0) - 1
  counts.set(key, left)
  return left
}

/** Ids that several transactions choose are taken in one order. What is posted keeps its place: of documents the last counts. */
const byTarget = (one: Waiting, other: Waiting): number =>
  compare(chosenBy(one), chosenBy(other)) || orderOf(one, other)

const chosenBy = ({ entry: { interaction, target = '' } }: Waiting): string =>
  interaction.method === 'PUT' ? target : ''

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

const orderOf = (one: Waiting, other: Waiting): number => one.entry.index - other.entry.index
