import type { AuditEvent, AuditEventAgent } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { commandLineClient } from '../../storage/authorization/client.ts'
import type { Connection } from '../../storage/database.ts'
import { isOrganization } from '../../storage/organization/organization.ts'
import type { Store } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { accountOf, nameOfPerson, type OpenStoreAs } from '../person.ts'
import { securityAlert, subtypes } from '../security-alert.ts'

/** A change to who or what works for an organization. Its privacy officer can see it, without any secret. */
export type ConfigurationChange = {
  readonly action: 'C' | 'U' | 'D'
  /** A sentence: `The app Heart diary was registered`. */
  readonly told: string
  /** Its id in the configuration. */
  readonly id: string
  /** The new state of what was given or changed. */
  readonly details: Readonly<Record<string, string>>
}

type Changing = ChangedBy & {
  readonly openStoreAs: OpenStoreAs
  /** Absent if it belongs to no organization; then no privacy officer can see it. */
  readonly organization?: string | undefined
}

/** An administrator of the organization on our pages, the operator on the command line, or something that works for it by itself. */
type ChangedBy =
  | { readonly person: string }
  | { readonly operator: true }
  | { readonly client: { readonly id: string; readonly name: string } }

/** Runs the change and records it; both are done, or neither. Without a change, nothing happened, and nothing is recorded. */
export const recordingChange = async <T>(
  { openStoreAs, organization, ...by }: Changing,
  run: (
    connection: Connection,
    store: Store,
  ) => Promise<{ readonly answer: T; readonly change: ConfigurationChange | undefined }>,
): Promise<T> => {
  const agent = await agentOf(openStoreAs, by)
  return openStoreAs({
    principal:
      'person' in by
        ? { kind: 'person', id: by.person }
        : { kind: 'client', id: 'client' in by ? by.client.id : commandLineClient },
    organizations: organization === undefined ? [] : [organization],
  }).atomic(async (store, connection) => {
    // It may have been deleted since it was looked at.
    if (organization !== undefined && !(await isOrganization(connection, organization)))
      throw new FhirError('not-found', `Organization/${organization} is not known`)
    const { answer, change } = await run(connection, store)
    if (change === undefined) return answer
    const source = { observer: { display: sourceOf(by) } }
    await writeOrThrow(store, { kind: 'create', resource: { ...toAuditEvent(change), agent: [agent], source } })
    return answer
  })
}

const sourceOf = (by: ChangedBy): string => {
  if ('client' in by) return 'Authorization server'
  return 'person' in by ? 'Pages of this server' : 'Command line of this server'
}

/** With the name, since a privacy officer may read the AuditEvent, but not the Person. */
const agentOf = async (openStoreAs: OpenStoreAs, by: ChangedBy): Promise<AuditEventAgent> => {
  if ('client' in by) return { who: { identifier: { value: by.client.id } }, name: by.client.name, requestor: true }
  if (!('person' in by)) return { who: { identifier: { value: commandLineClient } }, requestor: true }
  const name = await nameOfPerson(openStoreAs, by.person)
  return { who: accountOf(by.person), ...(name === '' ? {} : { name }), requestor: true }
}

const toAuditEvent = ({ action, told, id, details }: ConfigurationChange): Omit<AuditEvent, 'agent' | 'source'> => ({
  ...securityAlert({ subtype: [subtypes.configuration], action, told }),
  entity: [
    {
      what: { identifier: { value: id } },
      ...(Object.keys(details).length === 0
        ? {}
        : { detail: Object.entries(details).map(([type, valueString]) => ({ type, valueString })) }),
    },
  ],
})
