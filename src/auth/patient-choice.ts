import type { Patient } from '@medplum/fhirtypes'
import type { Caller } from '../access/caller.ts'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { parseSearch } from '../search/parse.ts'
import type { Database } from '../storage/database.ts'
import type { Store } from '../storage/store.ts'
import { callerOfPerson, patientsOf } from '../storage/token.ts'

/** The patients for whom a person may use an app. `client` is the app's id. */
export type Choices = {
  /** Of staff: those that they may search, by (a part of) a name, the first fifty; of others: those that they are or act for. */
  readonly find: (person: string, client: string, name?: string) => Promise<ChoicesFound>
  /** Where there is no choice: the person is one patient. */
  readonly only: (person: string, client: string) => Promise<string | undefined>
  readonly includes: (person: string, client: string, patient: string) => Promise<boolean>
}

type ChoicesFound = {
  readonly patients: readonly PatientChoice[]
  /** There are others: a longer name finds them. */
  readonly more: boolean
}

type PatientChoice = { readonly id: string; readonly name: string; readonly birthDate?: string }

type Parts = {
  readonly database: Database
  readonly registry: Registry
  /** The store as the caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

export const openChoices = ({ database, registry, openStoreFor }: Parts): Choices => {
  const staffOf = async (person: string, client: string): Promise<Caller | undefined> => {
    const caller = await callerOfPerson(database, { person, client, scope: 'user/Patient.rs' })
    return caller.practitioner === undefined ? undefined : caller
  }
  const read = async (caller: Caller, patient: string): Promise<Patient | undefined> => {
    try {
      return JSON.parse((await openStoreFor(caller).read('Patient', patient)).content)
    } catch (error) {
      if (error instanceof FhirError) return undefined
      throw error
    }
  }
  const readAs = async (person: string, client: string, patient: string) =>
    read(await callerOfPerson(database, { person, client, patient, scope: 'patient/Patient.r' }), patient)

  return {
    find: async (person, client, name) => {
      const staff = await staffOf(person, client)
      if (staff === undefined) {
        const own = await Promise.all((await patientsOf(database, person)).map(one => readAs(person, client, one)))
        return { patients: own.flatMap(one => (one === undefined ? [] : [toChoice(one)])), more: false }
      }
      const query = new URLSearchParams({ _count: '50', _sort: 'family', ...(name ? { 'name:contains': name } : {}) })
      const { entries, next } = await openStoreFor(staff).search(parseSearch(registry, 'Patient', query))
      return { patients: entries.map(({ content }) => toChoice(JSON.parse(content))), more: next !== undefined }
    },
    only: async (person, client) => {
      const caller = await callerOfPerson(database, { person, client, scope: '' })
      return caller.practitioner === undefined ? caller.patient : undefined
    },
    includes: async (person, client, patient) => {
      const staff = await staffOf(person, client)
      if (staff !== undefined) return (await read(staff, patient)) !== undefined
      return (await patientsOf(database, person)).includes(patient)
    },
  }
}

const toChoice = ({ id = '', name, birthDate }: Patient): PatientChoice => {
  const [{ text, given = [], family } = {}] = name ?? []
  const written = text ?? [...given, family].filter(part => part !== undefined).join(' ')
  return { id, name: written === '' ? id : written, ...(birthDate === undefined ? {} : { birthDate }) }
}
