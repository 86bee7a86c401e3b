import type { AuditEvent } from '@medplum/fhirtypes'
import type { Letters } from '../jobs/letters.ts'
import type { Principal } from '../search/expression.ts'
import { commandLineClient } from '../storage/authorization/client.ts'
import { callerOfPerson } from '../storage/authorization/token.ts'
import type { Connection, Database } from '../storage/database.ts'
import { findOverseeingOrganization } from '../storage/organization/overseeing-organization.ts'
import { settled } from '../storage/settled-transaction.ts'
import { accountOf, nameOfPerson, type OpenStoreAs } from './person.ts'
import { securityAlert, subtypes } from './security-alert.ts'

/** A change in how somebody signs in. They can see it if they are one patient; for staff, privacy officers can. */
export type AccountEvent = {
  /** Id of the Person. */
  readonly person: string
  readonly by: 'themselves' | 'operator' | 'reader of the address'
  readonly action: 'C' | 'U' | 'D'
  /** A sentence, without secrets and addresses: `The password was changed`. */
  readonly told: string
}

export type AccountEventParts = { readonly database: Database; readonly openStoreAs: OpenStoreAs }

/** `told`: absent if nobody can be written to. */
export type OperatorParts = AccountEventParts & {
  readonly told?: { readonly mail: Pick<Letters, 'keep'>; readonly address: () => string } | undefined
}

/** Runs what the event is about and records the event; both are done, or neither. If `run` answers undefined, nothing has happened. `also`: what else it means. */
export const recordingAccount = async <T>(
  { database, openStoreAs }: AccountEventParts,
  event: AccountEvent,
  run: (connection: Connection) => Promise<T | undefined>,
  also: readonly AuditEvent[] = [],
): Promise<T | undefined> => {
  const { person, by } = event
  const organization = await findOverseeingOrganization(database, { person, client: pages })
  const principal: Principal =
    by === 'themselves' ? { kind: 'person', id: person } : { kind: 'client', id: clientOf[by] }
  const resources = [...(await toAuditEvents(database, event, await nameOfPerson(openStoreAs, person))), ...also]
  const own = openStoreAs({ principal, organizations: organization === undefined ? [] : [organization] })
  return settled<T | undefined>(database, ending =>
    own.atomic(async (store, connection) => {
      const answer = await run(connection)
      if (answer === undefined) return undefined
      for (const one of await store.write(resources.map(resource => ({ kind: 'create', resource }))))
        if (one.outcome === 'refused') throw one.error
      return ending(connection, answer)
    }),
  )
}

/**
 * That somebody has made an account that administers the installation: the right from which all others come. Other accounts are not recorded
 * when they are made, since nobody could tell yet which are of patients.
 */
export const administratorMade = (person: string, name: string, told = administratorAdded): AuditEvent => {
  const whose = { name, practitioner: undefined, patient: undefined }
  return toAuditEvent({ person, by: 'themselves', action: 'C', told }, whose)
}

const administratorAdded = 'An account was made that administers the installation'

/** The client as which our own pages act. */
const pages = 'pages'

const clientOf = { operator: commandLineClient, 'reader of the address': pages } as const

/** For an administrator who is a patient as well, the others get an event that names no patient. */
const toAuditEvents = async (database: Database, event: AccountEvent, name: string): Promise<readonly AuditEvent[]> => {
  const { administrator, practitioner, patient } = await callerOfPerson(database, {
    person: event.person,
    client: pages,
    scope: '',
  })
  const told = administrator && patient !== undefined ? [undefined, patient] : [patient]
  return told.map(about => toAuditEvent(event, { name, practitioner, patient: about }))
}

type Whose = {
  readonly name: string
  readonly practitioner: string | undefined
  readonly patient: string | undefined
}

const toAuditEvent = (
  { person, by, action, told }: AccountEvent,
  { name, practitioner, patient }: Whose,
): AuditEvent => {
  const staff = practitioner === undefined ? undefined : { reference: `Practitioner/${practitioner}` }
  const named = name === '' ? {} : { name }
  const agent = {
    themselves: { who: staff ?? accountOf(person), ...named },
    operator: { who: { identifier: { value: commandLineClient } } },
    'reader of the address': { name: 'Whoever reads the mail of the address' },
  }[by]
  return {
    ...securityAlert({ subtype: [subtypes.userSecurity], action, told }),
    agent: [{ ...agent, requestor: true }],
    source: { observer: { display: 'Sign-in' } },
    entity: [
      { what: staff ?? { reference: `Person/${person}` }, ...named },
      ...(patient === undefined ? [] : [{ what: { reference: `Patient/${patient}` } }]),
    ],
  }
}
