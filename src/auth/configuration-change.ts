import type { AuditEvent } from '@medplum/fhirtypes'
import type { OpenStoreAs } from '../accounts/person.ts'
import { commandLineClient } from '../storage/client.ts'
import type { Connection } from '../storage/database.ts'

/** What somebody has done to what an organization lets others do: told to its privacy officer, without any secret. */
export type ConfigurationChange = {
  readonly action: 'C' | 'U' | 'D'
  /** A sentence: `The app Heart diary was registered`. */
  readonly told: string
  /** How it is named in the configuration. */
  readonly id: string
  /** What it is from now on, of what was said or changed. */
  readonly details: Readonly<Record<string, string>>
}

type Changing = ChangedBy & {
  readonly openStoreAs: OpenStoreAs
  /** Where it is of no organization, no privacy officer is told. */
  readonly organization?: string | undefined
}

/** Whoever administers the organization on our pages, or the operator on the command line. */
type ChangedBy = { readonly person: string } | { readonly operator: true }

/** Runs the change and records it, both or neither. */
export const recordingChange = <T>(
  { openStoreAs, organization, ...by }: Changing,
  run: (connection: Connection) => Promise<{ readonly answer: T; readonly change: ConfigurationChange }>,
): Promise<T> =>
  openStoreAs({
    principal: 'person' in by ? { kind: 'person', id: by.person } : { kind: 'client', id: commandLineClient },
    organizations: organization === undefined ? [] : [organization],
  }).atomic(async (store, connection) => {
    const { answer, change } = await run(connection)
    const [written] = await store.write([{ kind: 'create', resource: toAuditEvent(change, by) }])
    if (written?.outcome === 'refused') throw written.error
    return answer
  })

/** DICOM's "Security Configuration", as https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html has it. */
const toAuditEvent = ({ action, told, id, details }: ConfigurationChange, by: ChangedBy): AuditEvent => ({
  resourceType: 'AuditEvent',
  type: { system: dicom, code: '110113', display: 'Security Alert' },
  subtype: [{ system: dicom, code: '110129', display: 'Security Configuration' }],
  action,
  recorded: new Date().toISOString(),
  outcome: '0',
  outcomeDesc: told,
  agent: [
    {
      who: 'person' in by ? { reference: `Person/${by.person}` } : { identifier: { value: commandLineClient } },
      requestor: true,
    },
  ],
  source: { observer: { display: 'person' in by ? 'Pages of this server' : 'Command line of this server' } },
  entity: [
    {
      what: { identifier: { value: id } },
      ...(Object.keys(details).length === 0
        ? {}
        : { detail: Object.entries(details).map(([type, valueString]) => ({ type, valueString })) }),
    },
  ],
})

const dicom = 'http://dicom.nema.org/resources/ontology/DCM'
