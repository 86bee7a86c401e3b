import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { rowsOnce } from '../sql.ts'
import type { Written } from '../store.ts'
import { currentObservations } from '../write/current-observations.ts'
import { lockPlaces } from '../write/lock-places.ts'
import { numberAllowed } from '../write/number-allowed.ts'
import { type Create, candidatesOf, insertAll, type Writing } from '../write/write.ts'
import { answeredAsCreated, type Met, mayChange, meetUploads } from './meet-upload.ts'
import { rememberContents } from './upload-contents.ts'
import { recordMeasured, withDevices } from './upload-device.ts'
import { type Entry, entryOf, type Keyed, leadKeys, lockKeys, releaseKeys, takeKeys } from './upload-keys.ts'
import { noRights, uploadRights } from './upload-rights.ts'
import { findNext, setsOf, type Together } from './upload-sets.ts'

/**
 * Writes Observations as sets. A document that is stored already is found by its keys, and the same document again changes nothing. Entries of a
 * Bundle that are about one document are taken in their order, as if they came one by one.
 */
export const uploadAll = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Create[],
): Promise<readonly Written[]> => {
  const named = await withDevices(connection, writing, creates)
  const candidates = await numberAllowed(connection, writing, await candidatesOf(connection, writing, named), 'c')
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
    // As long as everything is stored already, more and more is looked up at once. What is looked up in vain is never much more than what was met before.
    ahead = next.areMet ? ahead * 8 : 1
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
  note(outcomes, fresh, inserted)
  const rights = await uploadRights(
    connection,
    writing,
    met.map(({ entry: { candidate }, current }) => ({ candidate, current })),
  )
  const rightsOf = ({ entry }: Met) => rights.get(entry.candidate.pk) ?? noRights
  for (const ofOne of Map.groupBy(met, ({ keyed }) => keyed.pk).values()) {
    const done = await meetUploads(connection, writing, ofOne, rightsOf)
    note(
      outcomes,
      ofOne.map(({ entry }) => entry),
      done,
    )
  }
  await settleKeys(connection, { fresh, met, stored }, outcomes)
}

const note = (
  outcomes: Map<Entry, Written>,
  entries: readonly Entry[],
  done: readonly (Written | undefined)[],
): void => {
  for (const [index, entry] of entries.entries()) {
    const outcome = done[index]
    if (outcome !== undefined) outcomes.set(entry, outcome)
  }
}

type Settling = Pick<Together, 'stored' | 'met'> & { readonly fresh: readonly Entry[] }

/** The keys of what was not written are free again; those of what was met lead to it. */
const settleKeys = async (
  connection: Connection,
  { fresh, met, stored }: Settling,
  outcomes: ReadonlyMap<Entry, Written>,
): Promise<void> => {
  const taken = (of: readonly Entry[]) =>
    of.flatMap(entry => entry.keys.filter(({ place }) => !stored.has(place)).map(key => ({ entry, key })))
  const [refused, led] = partition(met, ({ entry }) => outcomes.get(entry)?.outcome === 'refused')
  const unwritten = fresh.filter(entry => outcomes.get(entry)?.outcome !== 'created')
  const leading = led.flatMap(({ entry, keyed }) => taken([entry]).map(row => ({ ...row, to: keyed })))
  const ledPlaces = new Set(leading.map(({ key }) => key.place))
  await releaseKeys(
    connection,
    taken([...unwritten, ...refused.map(({ entry }) => entry)]).filter(({ key }) => !ledPlaces.has(key.place)),
  )
  await leadKeys(connection, leading)
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

/** The keys that others have by now. A key that an earlier set has given up is taken for the first entry that has it. */
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

/** What came earlier in the same Bundle is met like something that is stored. */
const outcomeOf = (writing: Writing, entry: Entry, first: Entry, outcomes: Map<Entry, Written>): Written => {
  const outcome = outcomes.get(first)
  if (outcome === undefined) throw new Error('an upload without an outcome')
  if (entry === first || outcome.outcome === 'refused' || outcome.outcome === 'deleted') return outcome
  const isAnsweredAsCreated = outcome.outcome === 'unchanged' ? outcome.isAnsweredAsCreated : isOlder(writing, entry)
  return isAnsweredAsCreated ? answeredAsCreated(entry.candidate) : { ...outcome, outcome: 'unchanged' }
}

/** It was measured before an app that is still unproven took up its invitation: such an app is not told that it was stored already. */
const isOlder = ({ authorSince }: Writing, { candidate: { facts } }: Entry): boolean =>
  authorSince !== undefined && !(Date.parse(facts?.low ?? '') > Date.parse(authorSince))
