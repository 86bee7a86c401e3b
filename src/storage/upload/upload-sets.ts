import type { Connection } from '../database.ts'
import { rowsOnce } from '../sql.ts'
import { currentObservations } from '../write/current-observations.ts'
import type { Met } from './meet-upload.ts'
import { contentsOf } from './upload-contents.ts'
import { type Entry, isDocument, isMeasurement, type Key, type Keyed } from './upload-keys.ts'

/** Divides the entries so that no two in a set have a key in common. */
export const setsOf = (entries: readonly Entry[]): readonly (readonly Entry[])[] => {
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

/** Documents that are written together: those of one set, or of several if each of them meets what is stored already. */
export type Together = {
  readonly sets: number
  readonly entries: readonly Entry[]
  readonly stored: ReadonlyMap<string, Keyed>
  readonly met: readonly Met[]
  readonly areMet: boolean
}

/**
 * The first of the sets, or all of them if the result is the same. A thousand documents of one measurement are a thousand sets, of which all but the
 * first change nothing; and so are a thousand corrections of one document.
 */
export const findNext = async (
  connection: Connection,
  sets: readonly (readonly Entry[])[],
  keysOf: (connection: Connection, entries: readonly Entry[]) => Promise<ReadonlyMap<string, Keyed>>,
): Promise<Together> => {
  const entries = sets.flat()
  const stored = await keysOf(connection, entries)
  const met = await findMet(connection, sets, stored)
  const areMet = met.length === entries.length && noneMeetsAnother(met, stored)
  if (areMet || sets.length === 1) return { sets: sets.length, entries, stored, met, areMet }
  const first = new Set(sets[0])
  return { sets: 1, entries: [...first], stored, met: met.filter(({ entry }) => first.has(entry)), areMet }
}

/** Whether no key that one of them brings is met by another, except by entries of the same document, which meet it by that anyway. */
const noneMeetsAnother = (met: readonly Met[], stored: ReadonlyMap<string, Keyed>): boolean => {
  const bringers = new Map<string, string>()
  return met.every(({ entry: { keys, candidate }, keyed }) => {
    const [key] = keys
    const bringer = key !== undefined && isDocument(key) && stored.has(key.place) ? keyed.pk : candidate.pk
    const brought = keys.filter(({ place }) => !stored.has(place))
    return brought.every(({ place }) => {
      const other = bringers.get(place) ?? bringer
      bringers.set(place, bringer)
      return other === bringer
    })
  })
}

/** What each of them meets, by the strongest of its keys under which something is stored. */
const findMet = async (
  connection: Connection,
  sets: readonly (readonly Entry[])[],
  stored: ReadonlyMap<string, Keyed>,
): Promise<readonly Met[]> => {
  const found = sets.flatMap((entries, set) =>
    entries.flatMap(entry => {
      const under = entry.keys.filter(({ place }) => stored.has(place))
      const [key] = under
      const keyed = key && stored.get(key.place)
      return key === undefined || keyed === undefined ? [] : [{ entry, keyed, isEcho: isEcho(key, under, stored), set }]
    }),
  )
  const places = rowsOnce(found.map(({ keyed }) => keyed))
  const currents = await currentObservations(connection, places)
  const contents = await contentsOf(connection, places)
  return found.map(({ keyed, ...one }) => ({
    ...one,
    keyed,
    current: currents.get(keyed.pk),
    contents: contents.get(keyed.pk) ?? { current: keyed, known: new Set() },
  }))
}

const isEcho = (by: Key, under: readonly Key[], stored: ReadonlyMap<string, Keyed>): boolean => {
  const measured = under.find(isMeasurement)
  if (measured === undefined || isDocument(by)) return false
  return stored.get(measured.place)?.pk === stored.get(by.place)?.pk
}
