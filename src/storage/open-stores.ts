import type { ResourceType } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import type { Access } from '../access/access.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Principal } from '../search/expression.ts'
import type { Connection, Database } from './database.ts'
import { authorKey, type Dictionary, openDictionary } from './prepare/dictionary.ts'
import { openDurations } from './prepare/duration.ts'
import { openPrimaryKeys } from './prepare/primary-key.ts'
import { measureUnits } from './prepare/unit.ts'
import { keepRefused } from './quarantine/quarantine.ts'
import type { QuarantineRoom } from './quarantine/quarantine-room.ts'
import { settleQuarantined } from './quarantine/quarantine-settling.ts'
import { removeRefused } from './quarantine/refused-of-patient.ts'
import { reading } from './reading.ts'
import { openCommonTokens } from './search/common-tokens.ts'
import { openManyPatients } from './search/many-patients.ts'
import { sql } from './sql.ts'
import type { Store } from './store.ts'
import type { QuestionOf } from './subscription/question.ts'
import { findPolicies } from './upload/validation-policies.ts'
import { beginGathering } from './write/gathered.ts'
import { withJoining } from './write/joining.ts'
import { allOrNothing, runAndRollBack } from './write/savepoint.ts'
import { settled } from './write/settled.ts'
import type { Signed, Writing } from './write/write.ts'
import { writeAll } from './write/write-all.ts'

/** For whom a store answers: what they may see and do, and how their writes are signed. */
export type StoreCaller = {
  readonly access: Access
  readonly author: Principal
  /** If somebody other than the author may be writing: since when what is the author's is theirs, as an instant. */
  readonly authorSince?: string
  /** Ids of the organizations for which they may write. */
  readonly organizations: readonly string[]
  /** References that they may use without reading the resource, such as `Patient/1`: whom their token is for. */
  readonly knows?: ReadonlySet<string>
  /** Whether an update with an unknown id creates the resource. */
  readonly choosesIds: boolean
  /** Whether what they create may belong to any organization, since administrators make things for tenants. */
  readonly choosesOwner: boolean
  /** Hash of the token that they came with; absent if the server itself writes. */
  readonly tokenHash?: Buffer
  /** The client through which they upload. What the server itself writes is not an upload. */
  readonly client?: string
}

type Options = {
  readonly database: Database
  /** A connection of its own for dictionary entries, which are committed at once. */
  readonly dictionaryConnection: Connection
  readonly registry: Registry
  readonly classes: CodeClasses
  /** Present if the writer must be able to read what literal references below this base lead to. */
  readonly references?: (() => string) | undefined
  /** What subscribers ask, to tell them of deletions; absent if nothing is deleted that somebody is told of. */
  readonly questionOf?: QuestionOf
  /** Absent if nothing is kept of what is refused. */
  readonly quarantine?: QuarantineRoom
}

/** Opens the only way to the resource tables. The answer makes the store of one caller. */
export const openStores = async (options: Options): Promise<(caller: StoreCaller) => Store> => {
  const { database, registry, classes } = options
  await measureUnits(database)
  const shared = {
    registry,
    classes,
    dictionary: openDictionary(options.dictionaryConnection),
    durations: openDurations(options.dictionaryConnection),
    nextPk: openPrimaryKeys(options.dictionaryConnection),
    typeId: await openTypeIds(database),
    commonTokens: openCommonTokens(database),
    manyPatients: openManyPatients(),
    references: options.references,
    questionOf: options.questionOf,
  }
  const { quarantine = { documents: 0, bytes: 0 } } = options
  return ({ author, client, ...caller }) => {
    const asking = {
      ...shared,
      ...caller,
      ...(client !== undefined && { upload: { id: uuidv7(), client, provenances: new Map() } }),
    }
    const signed = async (): Promise<Signed> => ({
      ...asking,
      principal: author,
      author: await authorOf(shared.dictionary, author),
    })
    const atomic: Store['atomic'] = async run => {
      const writing = await signed()
      return database.writing((connection, joinings) =>
        withJoining(connection, writing, joinings, linking =>
          run(storeWithin(connection, linking, quarantine), connection),
        ),
      )
    }
    /** For what joins no compartments: in a transaction of its own, or in that of another store. */
    const apart = async <T>(run: (store: Store) => Promise<T>, beside?: Connection): Promise<T> => {
      const writing = { ...(await signed()), ...beginGathering() }
      const within = (connection: Connection) => run(storeWithin(connection, writing, quarantine))
      return beside === undefined ? database.transaction(within) : within(beside)
    }
    return {
      ...reading(database, asking),
      explain: (...asked) =>
        database.transaction(async connection => {
          await connection.run(sql.fragment`SET TRANSACTION READ ONLY`)
          return reading(connection, asking).explain(...asked)
        }),
      validationPolicies: observations => apart(store => store.validationPolicies(observations)),
      keepRefused: refused => atomic(store => store.keepRefused(refused)),
      settleQuarantined: (id, keepers, settling, beside) =>
        apart(store => store.settleQuarantined(id, keepers, settling), beside),
      removeRefused: id => apart(store => store.removeRefused(id)),
      write: writes => atomic(store => store.write(writes)),
      settled: async written => written,
      trying: (...tried) => atomic(store => store.trying(...tried)),
      atomic,
    }
  }
}

const storeWithin = (connection: Connection, writing: Writing, quarantine: QuarantineRoom): Store => {
  const store: Store = {
    ...reading(connection, writing),
    validationPolicies: observations => findPolicies(connection, writing, observations),
    keepRefused: refused => keepRefused(connection, writing, quarantine, refused),
    settleQuarantined: (id, keepers, settling) => settleQuarantined(connection, writing, id, keepers, settling),
    removeRefused: id => removeRefused(connection, writing, id),
    write: (writes, beside) => writeAll(connection, writing, writes, beside),
    settled: written => settled(connection, writing, written),
    trying: (writes, run) =>
      runAndRollBack(connection, async () => {
        for (const one of await store.write(writes)) if (one.outcome === 'refused') throw one.error
        return run(store)
      }),
    atomic: run => allOrNothing(connection, () => run(store, connection)),
  }
  return store
}

const openTypeIds = async (connection: Connection): Promise<Writing['typeId']> => {
  const rows = await connection.any<{ name: ResourceType; type_id: number }>(
    sql.fragment`SELECT name, type_id FROM resource_type`,
  )
  const ids = new Map(rows.map(({ name, type_id }) => [name, type_id]))
  return type => ids.get(type) ?? 0
}

const authorOf = async (dictionary: Dictionary, author: Principal): Promise<number> => {
  const key = authorKey(author)
  return (await dictionary.authors.idsOf([key])).get(key) ?? 0
}
