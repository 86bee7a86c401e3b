import type { AuditEvent, Patient, Reference } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { appGrant } from '../../access/vocabulary.ts'
import { accountOf, type OpenStoreAs } from '../../accounts/person.ts'
import { securityAlert, subtypes } from '../../accounts/security-alert.ts'
import { unlessRefused } from '../../fhir/error.ts'
import type { Principal } from '../../search/expression.ts'
import { findClient } from '../../storage/authorization/client-registration.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { Connection, Database } from '../../storage/database.ts'
import { findOverseeingOrganization } from '../../storage/organization/overseeing-organization.ts'
import type { Store } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'

/** What a person decided about an app, or what became of that. The patient concerned and the privacy officers can see it. */
export type GrantEvent = {
  /** Codes of `appGrant`. */
  readonly what: 'given' | 'narrowed' | 'refused' | 'revoked'
  /** Who did it. */
  readonly by: Principal
  /** What is said of the app, after its name: `was allowed what it asked for`. */
  readonly told: string
  /** The id of the Person whose grant it is, or would have been; absent if it is the Patient's, and of nobody who is known. */
  readonly person?: string | undefined
  /** Id of the app. */
  readonly client: string
  /** Id of the Patient concerned. If absent and the person is one patient, it is that one. */
  readonly patient?: string | undefined
  readonly asked?: readonly string[]
  readonly granted?: readonly string[]
  /** For a grant that ends, the scopes by which its role is known; they are not shown again. */
  readonly scope?: string
}

export type GrantEventParts = { readonly database: Database; readonly openStoreAs: OpenStoreAs }

/** Runs what the event is about and records the event; both are done, or neither. If `run` answers undefined, nothing has happened. */
export const recordingGrant = async <T>(
  { database, openStoreAs }: GrantEventParts,
  event: GrantEvent,
  run: (connection: Connection) => Promise<T | undefined>,
): Promise<T | undefined> => {
  const whose = await callerBy(database, event)
  const isAsPatient = whose !== undefined && whose.practitioner === undefined
  const organization = await findOverseeingOrganization(database, { ...event, isAsPatient })
  const organizations = organization === undefined ? [] : [organization]
  const own = openStoreAs({ principal: event.by, organizations })
  const resource = await toAuditEvent(database, own, event, whose)
  return own.atomic(async (store, connection) => {
    const answer = await run(connection)
    if (answer === undefined) return undefined
    await writeOrThrow(store, { kind: 'create', resource })
    return answer
  })
}

/** In which role it was decided: staff who give an app access to their own data as a patient do not act as staff. */
const callerBy = async (database: Database, event: GrantEvent): Promise<Caller | undefined> => {
  const { person, patient, granted = [], scope = granted.join(' ') } = event
  return person === undefined ? undefined : callerOfPerson(database, { person, client: 'pages', scope, patient })
}

/** Somebody who no longer exists is named without a link: even where references must be resolvable, what they allowed can end. */
const referTo = async (
  store: Store,
  [type, id]: readonly [type: 'Practitioner' | 'Patient', id: string],
): Promise<Reference<Patient>> => {
  const found = await unlessRefused(() => store.read(type, id))
  return found === undefined ? { type, identifier: { value: id } } : { reference: `${type}/${id}` }
}

const toAuditEvent = async (
  database: Database,
  store: Store,
  event: GrantEvent,
  whose: Caller | undefined,
): Promise<AuditEvent> => {
  const { what, by, told, person, client, asked, granted } = event
  const { name = client, selfRegistered } = (await findClient(database, client)) ?? {}
  const patient = event.patient ?? whose?.patient
  const self =
    whose?.practitioner === undefined
      ? person && accountOf(person)
      : await referTo(store, ['Practitioner', whose.practitioner])
  const detail = Object.entries({
    asked: asked?.join(' '),
    granted: granted?.join(' '),
    registered: selfRegistered ? 'by itself' : undefined,
  }).flatMap(([type, valueString]) => (valueString === undefined ? [] : [{ type, valueString }]))
  return {
    ...securityAlert({
      subtype: [subtypes.userSecurity, { system: appGrant, code: what }],
      action: actions[what],
      told: `${name} ${told}`,
    }),
    agent: [
      ...(self ? [{ who: self, requestor: by.kind === 'person' }] : []),
      { who: { identifier: { value: client } }, name, requestor: by.kind === 'client' },
    ],
    source: { observer: { display: 'Authorization server' } },
    entity: [
      ...(patient === undefined ? [] : [{ what: await referTo(store, ['Patient', patient]) }]),
      { what: { identifier: { value: client } }, name, ...(detail.length === 0 ? {} : { detail }) },
    ],
  }
}

const actions = { given: 'C', narrowed: 'C', refused: 'R', revoked: 'D' } as const
