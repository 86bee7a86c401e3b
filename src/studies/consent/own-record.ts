import type { Device, Organization, Patient, Practitioner, Resource, ResourceType } from '@medplum/fhirtypes'
import type { Accounts } from '../../accounts/accounts.ts'
import { deviceNameOrId, nameText, visibleName } from '../../fhir/display-name.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Registry } from '../../fhir/registry.ts'
import { all, and, type Expression } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPatient } from '../../storage/authorization/token.ts'
import type { Connection } from '../../storage/database.ts'
import type { Store, Write } from '../../storage/store.ts'
import type { StudyParts } from '../people/enrolled-people.ts'

export type OwnParts = StudyParts & { readonly accounts: Pick<Accounts, 'database'> }

/** What a patient may see and do, by the same rules as for an app of theirs that records consents. */
export type OwnRecord = {
  readonly patient: string
  /** Whatever is about the same human, by any of their records. */
  readonly ofHuman: Expression
  readonly store: Store
  /** Undefined if there is none that the patient may see. */
  readonly read: <R extends Resource>(type: R['resourceType'], id: string) => Promise<R | undefined>
  /** Only those for which `also` holds. */
  readonly find: <R extends Resource>(type: R['resourceType'], query: Query, also?: Expression) => Promise<readonly R[]>
  /** How many `find` would find. Throws `too-costly` if counting would take too long. */
  readonly count: (type: ResourceType, query: Query, also?: Expression) => Promise<number>
  /** What `run` would find if the write were made; it is not made. Throws FhirError if it would be refused. */
  readonly trying: <T>(write: Write, run: (record: OwnRecord) => Promise<T>) => Promise<T>
  /** Does all of it, or nothing if it throws. What is found within has what was written. */
  readonly atomic: <T>(run: (record: OwnRecord, connection: Connection) => Promise<T>) => Promise<T>
}

type Query = Readonly<Record<string, string>> | string[][]

/** Undefined if the Patient is not the person's. */
export const openOwnRecord = async (
  { accounts, registry, openStoreFor }: OwnParts,
  person: string,
  patient: string,
): Promise<OwnRecord | undefined> => {
  const caller = await callerOfPatient(accounts.database, { person, patient, client: 'pages', scope })
  if (caller === undefined) return undefined
  return recordIn(openStoreFor(caller), registry, patient)
}

/** The record as the caller of a store sees it. */
export const recordIn = (store: Store, registry: Registry, patient: string): OwnRecord => {
  const search = (type: ResourceType, query: Query, also: Expression = all) => {
    const asked = parseSearch(registry, type, new URLSearchParams(query))
    return store.search({ ...asked, where: and(asked.where, also) })
  }
  return {
    patient,
    ofHuman: { kind: 'compartment', of: 'Patient', id: patient },
    store,
    read: async (type, id) => unlessRefused(async () => parseJson((await store.read(type, id)).content) as never),
    find: async (type, query, also) =>
      (await search(type, query, also)).entries.map(({ content }) => parseJson(content) as never),
    count: async (type, query, also) => {
      const { total = 0 } = await search(type, [...new URLSearchParams(query), ['_summary', 'count']], also)
      return total
    },
    trying: (write, run) => store.trying([write], within => run(recordIn(within, registry, patient))),
    atomic: run => store.atomic((within, connection) => run(recordIn(within, registry, patient), connection)),
  }
}

const scope = [
  'user/Consent.cruds',
  ...[
    'Device',
    'Observation',
    'Organization',
    'Patient',
    'Practitioner',
    'PractitionerRole',
    'Provenance',
    'ResearchStudy',
  ].map(type => `user/${type}.rs`),
].join(' ')

/** The name of an organization, a practitioner or a source of data; undefined if the patient may not see it. */
export const nameOf = async (record: OwnRecord, reference = ''): Promise<string | undefined> => {
  const [type, id = ''] = reference.split('/')
  switch (type) {
    case 'Organization':
      return visibleName((await record.read<Organization>(type, id))?.name)
    case 'Practitioner': {
      const practitioner = await record.read<Practitioner>(type, id)
      return practitioner && nameText(practitioner.name?.[0])
    }
    case 'Device': {
      const device = await record.read<Device>(type, id)
      return device && deviceNameOrId(device)
    }
    default:
      return undefined
  }
}

/** The names of sources of data by their ids, without those that the patient may not see. */
export const namesOfDevices = async (
  record: OwnRecord,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  if (ids.length === 0) return new Map()
  const found = await record.find<Device>('Device', { _id: [...new Set(ids)].join(','), _count: '1000' })
  return new Map(found.map(device => [device.id ?? '', deviceNameOrId(device)]))
}

/** The name of the organization that keeps the record; undefined if none does. */
export const registrarOf = async (record: OwnRecord): Promise<string | undefined> => {
  const own = await record.read<Patient>('Patient', record.patient)
  return nameOf(record, own?.managingOrganization?.reference)
}
