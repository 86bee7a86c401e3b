import { referencedEntries } from './local-reference.ts'
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

/** Whether its criteria name another entry, so that it can only be decided once that one is written. */
export const asksForOthers = ({ interaction, request }: Placed): boolean =>
  interaction.decide !== undefined && [...request.query.values()].some(value => /\burn:(?:uuid|oid):/.test(value))

/**
 * Deletes, creates, changes (PUT and PATCH) and reads, in this order: https://hl7.org/fhir/R4/http.html#trules. But a conditional reference also
 * finds what the transaction itself writes, and a reference with a version means the version that it writes. So a create is late, and is written
 * with the changes, if it has a conditional reference to a type of which something is changed, or a reference with a version to something that is
 * changed, or if it waits for a late create. `base`: that of this server.
 */
export const inPhases = (placed: readonly Placed[], base: string) => {
  const of = (...methods: readonly string[]) => placed.filter(({ interaction }) => methods.includes(interaction.method))
  const creates = waitingAmong(of('POST').filter(isWrite))
  const changes = of('PUT', 'PATCH')
  const changed = new Set(changes.map(typeOf))
  const unversioned = new Set(changes.flatMap(one => nameFromElsewhere(one, base)))
  const late = withThoseThatWait(
    creates,
    creates.filter(({ asks, entry }) => !asks.isDisjointFrom(changed) || namesVersion(entry, unversioned)),
  )
  return {
    deletes: of('DELETE'),
    creates: creates.filter(one => !late.has(one)).map(({ entry }) => entry),
    changes,
    lateCreates: creates.filter(one => late.has(one)).map(({ entry }) => entry),
    reads: placed.filter(one => !isWrite(one) && one.interaction.decide === undefined),
  }
}

/** A fullUrl that is not at this server. With a URL of this server, a version means one that was there before, as the target of a Provenance may. */
const nameFromElsewhere = ({ fullUrl, target }: Placed, base: string): readonly string[] =>
  fullUrl === undefined || fullUrl === `${base}/${target}` ? [] : [fullUrl]

const namesVersion = ({ request, fullUrl }: Placed, names: ReadonlySet<string>): boolean =>
  names.size > 0 && referencedEntries(request.body, fullUrl, names, 'versioned').size > 0

/**
 * The writes in waves, each of which goes to the store at once. Whatever an entry refers to, or may find by a conditional reference, is in an
 * earlier wave. Entries that refer to each other in a circle are in one wave, and rely on the ids that they were given; and so are the entries that
 * remain after `mostWaves`.
 */
export const inOrder = (entries: readonly Placed[]): readonly (readonly Placed[])[] => {
  const open = new Set(waitingAmong(entries))
  const makersLeft = countOf([...open].flatMap(({ makes }) => makes))
  const waitsLeft = new Map([...open].map(one => [one, one.waits.length]))
  const waiting = byWhatTheyWaitFor([...open])
  const waves: (readonly Placed[])[] = []
  let ready = [...open].filter(({ waits }) => waits.length === 0)
  while (open.size > 0) {
    const next = ready.length > 0 ? ready : inCircles([...open], makersLeft)
    const wave = waves.length < mostWaves ? next : [...open]
    waves.push(wave.toSorted(byTarget).map(({ entry }) => entry))
    for (const one of wave) open.delete(one)
    const made = wave.flatMap(({ makes }) => makes).filter(key => countDown(makersLeft, key) === 0)
    ready = made.flatMap(key => waiting.get(key) ?? []).filter(one => countDown(waitsLeft, one) === 0 && open.has(one))
  }
  return waves
}

/** Each wave costs several statements. */
const mostWaves = 100

/** The next wave if every entry waits for another: those that, directly or by way of others, wait for no conditional reference; if there are none, all. */
const inCircles = (open: readonly Waiting[], makersLeft: ReadonlyMap<string, number>): readonly Waiting[] => {
  const asking = open.filter(({ waits }) => waits.some(key => isOfCriteria(key) && makersLeft.get(key) !== 0))
  const late = withThoseThatWait(open, asking)
  return late.size === open.length ? open : open.filter(one => !late.has(one))
}

const countOf = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

/** Answers how many are left. */
const countDown = <Key>(counts: Map<Key, number>, key: Key): number => {
  const left = (counts.get(key) ?? 0) - 1
  counts.set(key, left)
  return left
}

/** By the ids that clients chose, so that two transactions write the same resources in one order. What is posted keeps its place: of two versions of a document, the last counts. */
const byTarget = (one: Waiting, other: Waiting): number =>
  compare(chosenBy(one), chosenBy(other)) || orderOf(one, other)

const chosenBy = ({ entry: { interaction, target = '' } }: Waiting): string =>
  interaction.method === 'PUT' ? target : ''

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

const orderOf = (one: Waiting, other: Waiting): number => one.entry.index - other.entry.index
