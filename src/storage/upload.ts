import { FhirError } from '../fhir/error.ts'
import { currentObservations } from './current-observations.ts'
import type { Connection } from './database.ts'
import { lockPlaces } from './lock-places.ts'
import { isSettled, type Met, mayChange, meetUpload, untold } from './meet-upload.ts'
import { rowsOnce } from './sql.ts'
import type { Written } from './store.ts'
import { contentsOf, rememberContents } from './upload-contents.ts'
import { recordMeasured, withDevices } from './upload-device.ts'
import {
  type Entry,
  entryOf,
  isDocument,
  isMeasurement,
  type Key,
  type Keyed,
  leadKeys,
  lockKeys,
  releaseKeys,
  takeKeys,
} from './upload-keys.ts'
import { noRights, uploadRights } from './upload-rights.ts'
import { type Create, candidatesOf, insertAll, type Writing } from './write.ts'

/**
 * Observations as sets. A document that is stored already is found by its keys, and the same again changes nothing. Those of a
 * Bundle that are about one document follow one another in its order, as if they came one by one.
 */
export const uploadAll = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Create[],
): Promise<readonly Written[]> => {
  const named = await withDevices(connection, writing, creates)
  const candidates = await candidatesOf(connection, writing, named)
  const entries = candidates.map((candidate, index) => entryOf(candidate, creates[index]?.uploadKey))
  const firsts = new Map<string, Entry>()
  const sameAs = new Map(entries.map(entry => [entry, firstOf(entry, firsts)]))
  const outcomes = new Map<Entry, Written>()
  const sets = setsOf([...firsts.values()])
  if (sets.length > 1) await reserveKeys(connection, writing, sets.flat())
  const keysOf = sets.length > 1 ? reservedKeys : standingKeys
  for (let done = 0, ahead = 1; done < sets.length; ) {
    const next = await findNext(connection, sets.slice(done, done + ahead), keysOf)
    await uploadSet(connection, writing, next, outcomes)
    done += next.sets
    // Some of what comes may change something after all: never is much more looked at in vain than came to nothing before.
    ahead = next.changesNothing ? ahead * 8 : 1
  }
  await recordMeasured(
    connection,
    named.flatMap((create, index) => {
      const entry = entries[index]
      const isWritten = entry !== undefined && written.has(outcomes.get(entry)?.outcome)
      return isWritten ? [{ create, candidate: entry.candidate }] : []
    }),
  )
  return entries.map(entry => outcomeOf(writing, entry, sameAs.get(entry) ?? entry, outcomes))
}

const written: ReadonlySet<unknown> = new Set<Written['outcome']>(['created', 'updated'])

/** The one that says the very same, to the bytes, before it. */
const firstOf = (entry: Entry, firsts: Map<string, Entry>): Entry => {
  const { keys, digest, candidate } = entry
  const [key] = keys
  const status = 'status' in candidate.resource ? candidate.resource.status : ''
  const said = key === undefined ? candidate.pk : `${key.place} ${digest} ${status}`
  const first = firsts.get(said) ?? entry
  firsts.set(said, first)
  return first
}

/** So that in none of them two have a key in common. */
const setsOf = (entries: readonly Entry[]): readonly (readonly Entry[])[] => {
  const sets: Entry[][] = []
  const lastByPlace = new Map<string, number>()
  for (const entry of entries) {
    const number = entry.keys.reduce((most, { place }) => Math.max(most, (lastByPlace.get(place) ?? -1) + 1), 0)
    for (const { place } of entry.keys) lastByPlace.set(place, number)
    sets[number] ??= []
    sets[number].push(entry)
  }
  return sets
}

/** Documents that are written together: of one set, or of several of which none changes anything. */
type Together = {
  readonly sets: number
  readonly entries: readonly Entry[]
  readonly stored: ReadonlyMap<string, Keyed>
  readonly met: readonly Met[]
  readonly changesNothing: boolean
}

/**
 * The first of the sets, or all of them where it comes to the same: a thousand documents of what was measured once are a set each,
 * and all but the first change nothing.
 */
const findNext = async (
  connection: Connection,
  sets: readonly (readonly Entry[])[],
  keysOf: (connection: Connection, entries: readonly Entry[]) => Promise<ReadonlyMap<string, Keyed>>,
): Promise<Together> => {
  const entries = sets.flat()
  const stored = await keysOf(connection, entries)
  const met = await findMet(connection, entries, stored)
  const changesNothing = met.length === entries.length && met.every(isSettled) && shareNoneOfTheirs(entries, stored)
  if (changesNothing || sets.length === 1) return { sets: sets.length, entries, stored, met, changesNothing }
  const first = new Set(sets[0])
  return { sets: 1, entries: [...first], stored, met: met.filter(({ entry }) => first.has(entry)), changesNothing }
}

/** What they have in common stood there before: no key that one of them brings is met by another. */
const shareNoneOfTheirs = (entries: readonly Entry[], stored: ReadonlyMap<string, Keyed>): boolean => {
  const brought = entries.flatMap(({ keys }) => keys.flatMap(({ place }) => (stored.has(place) ? [] : place)))
  return new Set(brought).size === brought.length
}

const uploadSet = async (
  connection: Connection,
  writing: Writing,
  { entries, stored, met }: Together,
  outcomes: Map<Entry, Written>,
): Promise<void> => {
  const changing = met.filter(mayChange).flatMap(({ current }) => current ?? [])
  await lockPlaces(connection, writing, changing)
  const known = new Set(met.map(({ entry }) => entry))
  const fresh = entries.filter(entry => !known.has(entry))
  const inserted = await insertAll(
    connection,
    writing,
    fresh.map(({ candidate }) => candidate),
  )
  for (const [index, entry] of fresh.entries()) {
    const outcome = inserted[index]
    if (outcome !== undefined) outcomes.set(entry, outcome)
  }
  const rights = await uploadRights(
    connection,
    writing,
    met.map(({ entry: { candidate }, current }) => ({ candidate, current })),
  )
  for (const one of met) {
    const may = rights.get(one.entry.candidate.pk) ?? noRights
    outcomes.set(one.entry, await meetUpload(connection, writing, one, may))
  }
  const taken = (of: readonly Entry[]) =>
    of.flatMap(entry => entry.keys.filter(({ place }) => !stored.has(place)).map(key => ({ entry, key })))
  const [refused, led] = partition(met, ({ entry }) => outcomes.get(entry)?.outcome === 'refused')
  const unwritten = fresh.filter(entry => outcomes.get(entry)?.outcome !== 'created')
  await releaseKeys(connection, taken([...unwritten, ...refused.map(({ entry }) => entry)]))
  await leadKeys(
    connection,
    led.flatMap(({ entry, keyed }) => taken([entry]).map(row => ({ ...row, to: keyed }))),
  )
  await rememberContents(
    connection,
    led.filter(({ entry, isEcho, contents }) => isEcho && !contents.known.has(entry.digest)),
  )
}

/**
 * Where documents of one Bundle have keys in common, they are written one set after another, and another Bundle may have them in
 * another order: so all keys are taken before, and all that is met is locked, as one set would be.
 */
const reserveKeys = async (connection: Connection, writing: Writing, entries: readonly Entry[]): Promise<void> => {
  await takeKeys(connection, entries)
  const stored = await lockKeys(connection, entries)
  const currents = await currentObservations(connection, rowsOnce([...stored.values()]))
  await lockPlaces(connection, writing, [...currents.values()])
}

/** Those that others have by now; what a set before has let go of is taken, for the first of them that has it. */
const reservedKeys = async (connection: Connection, entries: readonly Entry[]) => {
  await takeKeys(connection, entries)
  const own = new Set(entries.map(({ candidate }) => candidate.pk))
  const stored = await lockKeys(connection, entries)
  return new Map([...stored].filter(([, { pk }]) => !own.has(pk)))
}

const standingKeys = async (connection: Connection, entries: readonly Entry[]): Promise<ReadonlyMap<string, Keyed>> => {
  const notFree = await takeKeys(connection, entries)
  const stored = notFree === 0 ? new Map() : await lockKeys(connection, entries)
  if (stored.size < notFree) throw new FhirError('transient', 'The same documents are being deleted by another request')
  return stored
}

const partition = <One>(all: readonly One[], test: (one: One) => boolean): readonly [One[], One[]] => {
  const { yes = [], no = [] } = Object.groupBy(all, one => (test(one) ? 'yes' : 'no'))
  return [yes, no]
}

/** Each by the strongest of its keys under which something stands. */
const findMet = async (
  connection: Connection,
  entries: readonly Entry[],
  stored: ReadonlyMap<string, Keyed>,
): Promise<readonly Met[]> => {
  const found = entries.flatMap(entry => {
    const under = entry.keys.filter(({ place }) => stored.has(place))
    const [key] = under
    const keyed = key && stored.get(key.place)
    return key === undefined || keyed === undefined ? [] : [{ entry, keyed, isEcho: isEcho(key, under, stored) }]
  })
  const places = rowsOnce(found.map(({ keyed }) => keyed))
  const currents = await currentObservations(connection, places)
  const contents = await contentsOf(connection, places)
  return found.map(({ entry, keyed, isEcho }) => ({
    entry,
    keyed,
    isEcho,
    current: currents.get(keyed.pk),
    contents: contents.get(keyed.pk) ?? { current: keyed, known: new Set() },
  }))
}

const isEcho = (by: Key, under: readonly Key[], stored: ReadonlyMap<string, Keyed>): boolean => {
  const measured = under.find(isMeasurement)
  if (measured === undefined || isDocument(by)) return false
  return stored.get(measured.place)?.pk === stored.get(by.place)?.pk
}

/** What was said in the same Bundle before is met as what is stored. */
const outcomeOf = (writing: Writing, entry: Entry, first: Entry, outcomes: Map<Entry, Written>): Written => {
  const outcome = outcomes.get(first)
  if (outcome === undefined) throw new Error('an upload without an outcome')
  if (entry === first || outcome.outcome === 'refused' || outcome.outcome === 'deleted') return outcome
  const isUntold = outcome.outcome === 'unchanged' ? outcome.isUntold : isOlder(writing, entry)
  return isUntold ? untold(entry.candidate) : { ...outcome, outcome: 'unchanged' }
}

/** It was measured before whoever sends it came: were it sent a second time, they would not be told that it is there. */
const isOlder = ({ authorSince }: Writing, { candidate: { facts } }: Entry): boolean =>
  authorSince !== undefined && !(Date.parse(facts?.low ?? '') > Date.parse(authorSince))
