import type { Patient } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { nameText } from '../../fhir/display-name.ts'
import { unlessRefused } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson, compartmentsOf, patientsOf } from '../../storage/authorization/token.ts'
import type { Database } from '../../storage/database.ts'
import type { Store } from '../../storage/store.ts'

/** The patients for whom a person may use an app. `client` is the app's id. */
export type Choices = {
  /**
   * The patients that they are or act for. For staff, unless the app is a partner's, also the first fifty that they may search; found by (a part
   * of) a name.
   */
  readonly find: (person: string, client: string, name?: string) => Promise<ChoicesFound>
  /** Set if there is no choice, because the person is one patient. */
  readonly only: (person: string, client: string) => Promise<string | undefined>
  readonly includes: (person: string, client: string, patient: string) => Promise<boolean>
  /** The patient, as far as the person may see who it is. */
  readonly findOne: (person: string, client: string, patient: string) => Promise<PatientChoice | undefined>
}

type ChoicesFound = {
  readonly patients: readonly PatientChoice[]
  /** Whether there are others, which a longer name would find. */
  readonly more: boolean
}

export type PatientChoice = { readonly id: string; readonly name: string; readonly birthDate?: string }

type Parts = {
  readonly database: Database
  readonly registry: Registry
  /** The store as the caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

export const openChoices = ({ database, registry, openStoreFor }: Parts): Choices => {
  /** The person as staff, if they may choose among patients as such. Only patients themselves share what partners read by links. */
  const staffOf = async (person: string, client: string): Promise<Caller | undefined> => {
    const caller = await callerOfPerson(database, { person, client, scope: 'user/Patient.rs' })
    const isStaff = caller.practitioner !== undefined && !caller.client.policies.has('cloud-storage-partner')
    return isStaff ? caller : undefined
  }
  const search = async (caller: Caller, query: Readonly<Record<string, string>>) => {
    const asked = parseSearch(registry, 'Patient', new URLSearchParams(query))
    const { entries, next } = await openStoreFor(caller).search(asked)
    return { patients: entries.map(({ content }) => toChoice(JSON.parse(content))), more: next !== undefined }
  }
  const read = async (caller: Caller, patient: string): Promise<Patient | undefined> => {
    const found = await unlessRefused(() => openStoreFor(caller).read('Patient', patient))
    return found && JSON.parse(found.content)
  }
  const findOwn = async (person: string, client: string, query: Readonly<Record<string, string>>) => {
    const searchAs = async (patient: string): Promise<readonly PatientChoice[]> => {
      const caller = await callerOfPerson(database, { person, client, patient, scope: 'patient/Patient.rs' })
      return (await search(caller, { _id: patient, ...query })).patients
    }
    return (await Promise.all((await patientsOf(database, person)).map(searchAs))).flat()
  }

  const findAsStaff = async (person: string, client: string, query: Readonly<Record<string, string>>) => {
    const staff = await staffOf(person, client)
    if (staff === undefined) return { patients: [], more: false }
    return search(staff, { _count: '50', _sort: 'family', ...query })
  }

  return {
    find: async (person, client, name) => {
      const query: Readonly<Record<string, string>> = name ? { 'name:contains': name } : {}
      const own = await findOwn(person, client, query)
      const { patients, more } = await findAsStaff(person, client, query)
      return { patients: [...own, ...patients.filter(({ id }) => own.every(one => one.id !== id))], more }
    },
    // Their privacy officers are told what they ask as staff, and must not learn from it whose record is their own.
    findOne: async (person, client, patient) =>
      (await findOwn(person, client, { _id: patient }))[0] ??
      (await findAsStaff(person, client, { _id: patient })).patients[0],
    only: async (person, client) => {
      if ((await staffOf(person, client)) !== undefined) return undefined
      const own = await compartmentsOf(database, person)
      return own.length === 1 ? own[0] : undefined
    },
    includes: async (person, client, patient) => {
      if ((await patientsOf(database, person)).includes(patient)) return true
      const staff = await staffOf(person, client)
      return staff !== undefined && (await read(staff, patient)) !== undefined
    },
  }
}

const toChoice = ({ id = '', name, birthDate }: Patient): PatientChoice => {
  return { id, name: nameText(name?.[0]) || id, ...(birthDate === undefined ? {} : { birthDate }) }
}
