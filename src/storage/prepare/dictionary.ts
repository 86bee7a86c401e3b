import { LRUCache } from 'lru-cache'
import { FhirError } from '../../fhir/error.ts'
import type { Principal } from '../../search/expression.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { type DeviceSources, openDeviceSources } from './device-source.ts'
import { insertUnits } from './unit.ts'

/**
 * Small integers for what the hot tables repeat. Entries are never changed or removed, so they are kept in memory, within limits, since whoever may
 * write chooses the codes. A missing entry is inserted and committed at once, on a connection of the dictionary's own: an entry that is remembered
 * must not vanish if the write that needed it is rolled back.
 */
export type Dictionary = {
  readonly patients: Entries
  readonly codes: Entries
  readonly kinds: Entries
  readonly devices: Entries
  readonly deviceSources: DeviceSources
  readonly units: Entries
  readonly authors: Entries
  /** Forgets whatever a joining of compartments may have changed since it was looked up. */
  readonly renew: (joinings: number) => void
}

type Entries = {
  /** The ids of all the keys, by key; inserts those that are missing. */
  readonly idsOf: (keys: Iterable<string>) => Promise<ReadonlyMap<string, number>>
  /** The ids of those keys that are there, by key. For what may yet be refused, which must leave no entry behind. */
  readonly find: (keys: Iterable<string>) => Promise<ReadonlyMap<string, number>>
}

type Forgetting = { readonly forget: () => void }

export const openDictionary = (connection: Connection, { mostBytes = 33_554_432 } = {}): Dictionary => {
  const entries = (table: Table) => entriesOf(connection, table, mostBytes)
  const kinds = entries({
    entry: 'What an Observation measures, all its kinds together,',
    find: keys => sql.fragment`SELECT key, kind_id AS number FROM kind WHERE key = ANY(${texts(keys)})`,
    insert: keys => sql.fragment`INSERT INTO kind (key) SELECT unnest(${texts(keys)}) ON CONFLICT DO NOTHING`,
  })
  const devices = entries({
    find: keys => sql.fragment`SELECT id AS key, device_id AS number FROM device_source WHERE id = ANY(${texts(keys)})`,
    insert: keys => sql.fragment`INSERT INTO device_source (id) SELECT unnest(${texts(keys)}) ON CONFLICT DO NOTHING`,
  })
  const patients = entries({
    find: keys =>
      sql.fragment`SELECT id AS key, patient_id AS number FROM patient_compartment WHERE id = ANY(${texts(keys)})`,
    insert: keys =>
      sql.fragment`INSERT INTO patient_compartment (id) SELECT unnest(${texts(keys)}) ON CONFLICT DO NOTHING`,
    changing: true,
  })
  const deviceSources = openDeviceSources(devices)
  let lastJoining = 0
  return {
    patients,
    renew: joinings => {
      if (joinings === lastJoining) return
      lastJoining = joinings
      patients.forget()
      deviceSources.forget()
    },
    codes: entries({
      entry: 'A code with its system',
      find: keys => sql.fragment`SELECT key, code_id AS number FROM code_class WHERE key = ANY(${texts(keys)})`,
      insert: keys => sql.fragment`
        INSERT INTO code_class (key, code)
        SELECT key, split_part(key, '|', -1) FROM unnest(${texts(keys)}) AS key ON CONFLICT DO NOTHING`,
    }),
    kinds: withMembers(kinds, connection),
    devices,
    deviceSources,
    units: entries({
      entry: 'A unit with its system',
      find: keys => sql.fragment`SELECT key, unit_id AS number FROM unit WHERE key = ANY(${texts(keys)})`,
      insert: insertUnits,
    }),
    authors: entries({
      find: keys => sql.fragment`
        SELECT kind || '/' || id AS key, author AS number FROM principal WHERE kind || '/' || id = ANY(${texts(keys)})`,
      insert: keys => sql.fragment`
        INSERT INTO principal (kind, id)
        SELECT split_part(key, '/', 1), split_part(key, '/', 2) FROM unnest(${texts(keys)}) AS key ON CONFLICT DO NOTHING`,
    }),
  }
}

/** An app of a Patient is kept as `patient/ID APP`. No id of FHIR has a blank, so it is never taken for that of a Patient. */
export const authorKey = ({ kind, id, app }: Principal): string =>
  app === undefined ? `${kind}/${id}` : `${kind}/${id} ${app}`

/** Several kinds that must all be consented to are an entry of their own, spelled `a+b`, that names its members. */
export const kindKey = (kinds: ReadonlySet<string>): string | undefined =>
  kinds.size === 0 ? undefined : [...kinds].sort().join('+')

export const membersOf = (key: string): readonly string[] => (key.includes('+') ? key.split('+') : [])

const withMembers = (kinds: Entries, connection: Connection): Entries => {
  // For this database only: another one may not have the members yet, and without members no consent would cover it.
  const composed = new LRUCache<string, true>({ max: 10_000 })
  const idsOf: Entries['idsOf'] = async keys => {
    const asked = [...keys]
    const ids = await kinds.idsOf(new Set([...asked, ...asked.flatMap(membersOf)]))
    for (const key of asked) {
      if (!key.includes('+') || composed.has(key)) continue
      const of = key.split('+').flatMap(member => ids.get(member) ?? [])
      await connection.run(sql.fragment`
        UPDATE kind SET members = ${sql.array(of, 'int4')} WHERE key = ${key} AND members IS NULL`)
      composed.set(key, true)
    }
    return ids
  }
  return {
    idsOf,
    find: async keys => {
      const asked = [...keys]
      const ids = await kinds.find(new Set([...asked, ...asked.flatMap(membersOf)]))
      const begun = asked.filter(key => key.includes('+') && ids.has(key) && !composed.has(key))
      if (begun.length > 0) await idsOf(begun)
      return ids
    },
  }
}

type Table = {
  readonly find: (keys: readonly string[]) => SqlFragment
  readonly insert: (keys: readonly string[]) => SqlFragment
  /** What an entry is called when one is too long; ids never are. */
  readonly entry?: string
  /** Entries may get another number, as when two Patients turn out to be one human, so they are not remembered for long. */
  readonly changing?: true
}

const entriesOf = (
  connection: Connection,
  { find, insert, entry, changing }: Table,
  mostBytes: number,
): Entries & Forgetting => {
  // Replaced and not emptied, so that what is still being looked up is not put into it afterwards.
  let known = new Map<string, number>()
  let bytes = 0
  let forgetAt = 0
  const load = async (keys: readonly string[]): Promise<readonly (readonly [string, number])[]> => {
    if (keys.length === 0) return []
    const rows = await connection.any<{ key: string; number: number }>(find(keys))
    return rows.map(row => [row.key, row.number])
  }
  const forget = () => {
    known = new Map()
    bytes = 0
    forgetAt = performance.now() + keptMs
  }
  const remember = (loaded: readonly (readonly [string, number])[]) => {
    bytes += loaded.reduce((sum, [key]) => sum + key.length + overheadBytes, 0)
    if (bytes > mostBytes) forget()
    else for (const [key, number] of loaded) known.set(key, number)
  }
  const lookUp = async (keys: Iterable<string>) => {
    if (changing === true && performance.now() > forgetAt) forget()
    const remembered = known
    const asked = [...new Set(keys)]
    const unknown = asked.filter(key => !remembered.has(key)).sort()
    const loaded = await load(unknown)
    const numbers = asked.flatMap(key => {
      const number = remembered.get(key)
      return number === undefined ? [] : [[key, number] as const]
    })
    if (remembered === known) remember(loaded)
    const found = new Map([...numbers, ...loaded])
    const missing = unknown.filter(key => !found.has(key))
    if (entry !== undefined && missing.some(isTooLong))
      throw new FhirError('business-rule', `${entry} has at most ${mostKeyBytes} bytes in UTF-8`)
    return { found, missing }
  }
  return {
    find: async keys => (await lookUp(keys)).found,
    idsOf: async keys => {
      const { found, missing } = await lookUp(keys)
      if (missing.length === 0) return found
      await connection.run(insert(missing))
      return new Map([...found, ...(await lookUp(missing)).found])
    },
    forget,
  }
}

/** PostgreSQL's index takes 2704 bytes that it cannot compress. Longer keys from earlier, which it could compress, are still found. */
export const mostKeyBytes = 2000

const isTooLong = (key: string): boolean => key.length * 3 > mostKeyBytes && Buffer.byteLength(key) > mostKeyBytes

/** What may change is answered from memory no longer than this, even if the clock is set back meanwhile. */
const keptMs = 5000

/** What an entry takes besides its key. */
const overheadBytes = 100

const texts = (keys: readonly string[]) => sql.array([...keys], 'text')
