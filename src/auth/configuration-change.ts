import type { AuditEvent } from '@medplum/fhirtypes'
import type { OpenStoreAs } from '../accounts/person.ts'
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

type Changing = { readonly openStoreAs: OpenStoreAs; readonly person: string; readonly organization: string }

/** Runs the change and records it, both or neither. */
export const recordingChange = <T>(
  { openStoreAs, person, organization }: Changing,
  run: (connection: Connection) => Promise<{ readonly answer: T; readonly change: ConfigurationChange }>,
): Promise<T> =>
  openStoreAs({ principal: { kind: 'person', id: person }, organizations: [organization] }).atomic(
    async (store, connection) => {
      const { answer, change } = await run(connection)
      const [written] = await store.write([{ kind: 'create', resource: toAuditEvent(change, person) }])
      if (written?.outcome === 'refused') throw written.error
      return answer
    },
  )

/** DICOM's "Security Configuration", as https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html has it. */
const toAuditEvent = ({ action, told, id, details }: ConfigurationChange, person: string): AuditEvent => ({
  resourceType: 'AuditEvent',
  type: { system: dicom, code: '110113', display: 'Security Alert' },
  subtype: [{ system: dicom, code: '110129', display: 'Security Configuration' }],
  action,
  recorded: new Date().toISOString(),
  outcome: '0',
  outcomeDesc: told,
  agent: [{ who: { reference: `Person/${person}` }, requestor: true }],
  source: { observer: { display: 'Pages of this server' } },
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
