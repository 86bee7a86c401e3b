import type { Identifier, Person } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { parseSearch } from '../search/parse.ts'
import { tokenText } from '../search/token-text.ts'
import type { Identity } from '../storage/account/identity.ts'
import { endSessions, holdSession } from '../storage/account/session.ts'
import { findAccountOf } from '../storage/account/user-account.ts'
import type { Connection, Database } from '../storage/database.ts'
import { settled } from '../storage/settled-transaction.ts'
import type { Store } from '../storage/store.ts'
import { writeOrThrow } from '../storage/write-or-throw.ts'
import type { OpenStoreAs } from './person.ts'
import { ownStore } from './person.ts'

export type IdentityParts = {
  readonly database: Database
  readonly registry: Registry
  readonly openStoreAs: OpenStoreAs
}

/**
 * Found by the issuer and its name for the user, letter by letter: people's names and addresses do not count. It must be exactly one Person,
 * with an account.
 */
export const findPersonOf = async (
  parts: IdentityParts,
  { issuer, subject }: Identity,
): Promise<string | undefined> => {
  const [person, ...others] = await holdersOf(parts, ownStore(parts.openStoreAs), { issuer, subject })
  if (person?.id === undefined || others.length > 0 || person.active === false) return undefined
  return (await findAccountOf(parts.database, person.id)) === undefined ? undefined : person.id
}

/** Whether a Person has it, even one whom it does not sign in. */
export const isHeld = async (parts: IdentityParts, identity: Identity): Promise<boolean> =>
  (await holdersOf(parts, ownStore(parts.openStoreAs), identity)).length > 0

/** All identities of the Person. */
export const identitiesOf = async (parts: IdentityParts, person: string): Promise<readonly Identity[]> => {
  const { content } = await ownStore(parts.openStoreAs).read('Person', person)
  const { identifier = [] }: Person = JSON.parse(content)
  return identifier.map(({ system = '', value = '' }) => ({ issuer: system, subject: value }))
}

/** The issuer's names for the Person. */
export const subjectsOf = async (parts: IdentityParts, person: string, issuer: string): Promise<readonly string[]> =>
  (await identitiesOf(parts, person)).filter(one => one.issuer === issuer).map(({ subject }) => subject)

type Linking = {
  /** Id of the session in which they agreed. */
  readonly session: string
  /** Whether a Person may have only one name at the issuer; another one is then refused with `conflict`. */
  readonly onlyOne?: boolean
  /** Done in the same commit. */
  readonly beside?: (connection: Connection) => Promise<void>
}

/** If two link the same identity at once, one is refused with `duplicate`. False if the session has ended meanwhile. */
export const linkIdentity = async (
  parts: IdentityParts,
  id: string,
  identity: Identity,
  { session, onlyOne = false, beside }: Linking,
): Promise<boolean> => {
  try {
    await changing(parts, id, async (store, connection) => {
      await takeIdentity(parts, store, identity)
      const { issuer } = identity
      await change(store, id, ({ identifier = [], ...person }) => {
        if (onlyOne && identifier.some(({ system }) => system === issuer))
          throw new FhirError('conflict', 'Another identity of the same issuer is linked to this account')
        return { ...person, identifier: [...identifier, identifierOf(identity)] }
      })
      // Only now, since whoever unlinks the issuer changes the Person before they end the sessions.
      if (!(await holdSession(connection, session))) throw new SignedOut()
      await beside?.(connection)
    })
    return true
  } catch (error) {
    if (error instanceof SignedOut) return false
    throw error
  }
}

/** Thrown, so that the transaction is rolled back. */
class SignedOut extends Error {}

/** Until the commit, nobody else links it; refused with `duplicate` if somebody has it. */
export const takeIdentity = async (parts: IdentityParts, store: Store, identity: Identity): Promise<void> => {
  await store.takeTurns([search(parts, identity)])
  if ((await holdersOf(parts, store, identity)).length > 0)
    throw new FhirError('duplicate', 'This identity is linked to an account already')
}

export const identifierOf = ({ issuer: system, subject: value }: Identity): Identifier => ({ system, value })

/** Removes all identities of the issuer's, and ends all sessions but one: whoever was signed in by them is signed out in the same commit. */
export const unlinkIssuer = (parts: IdentityParts, id: string, issuer: string, session: string): Promise<void> =>
  changing(parts, id, async (store, connection) => {
    await change(store, id, ({ identifier = [], ...person }) => {
      const kept = identifier.filter(({ system }) => system !== issuer)
      return kept.length === 0 ? person : { ...person, identifier: kept }
    })
    await endSessions(connection, id, session)
  })

/** If the connection is lost as it is committed, it is found out whether it was done: the person is to be told of it by a letter. */
const changing = (
  { database, openStoreAs }: IdentityParts,
  id: string,
  run: (store: Store, connection: Connection) => Promise<void>,
): Promise<void> =>
  settled(database, ending =>
    openStoreAs({ principal: { kind: 'person', id } }).atomic(async (store, connection) =>
      ending(connection, await run(store, connection)),
    ),
  )

const change = async (store: Store, id: string, to: (person: Person) => Person): Promise<void> => {
  await writeOrThrow(store, { kind: 'patch', type: 'Person', id, change: stored => to(stored as Person) })
}

const holdersOf = async (
  parts: IdentityParts,
  store: Store,
  { issuer, subject }: Identity,
): Promise<readonly Person[]> => {
  const { entries } = await store.search(search(parts, { issuer, subject }))
  const persons = entries.map(({ content }): Person => JSON.parse(content))
  return persons.filter(({ identifier = [] }) =>
    identifier.some(({ system, value }) => system === issuer && value === subject),
  )
}

const search = ({ registry }: IdentityParts, { issuer, subject }: Identity) =>
  parseSearch(registry, 'Person', new URLSearchParams({ identifier: tokenText({ system: issuer, value: subject }) }))
