import type { Patient } from '@medplum/fhirtypes'
import type { Database } from '../../storage/database.ts'
import {
  addImport,
  confirmImport,
  dropImport,
  findImport,
  importsOf,
  linesOf,
  type PatientImport,
  type ShownLine,
} from '../../storage/organization/patient-import.ts'
import type { Accepted } from './patient-fields.ts'
import { readPatientList } from './patient-list.ts'
import { type Into, type RegisteringParts, registrarOf } from './registering.ts'

/** Lists of patients as files. Each list belongs to the person who sent it. */
export type PatientImports = {
  /** Reads the file, and registers nothing. Whether the person may register patients there is asked when that is done. */
  readonly upload: (person: string, into: Into, file: Uint8Array, accepted: Accepted) => Promise<Uploaded>
  readonly list: (person: string) => Promise<readonly PatientImport[]>
  readonly find: (person: string, id: string) => Promise<PatientImport | undefined>
  /** A page of its lines. */
  readonly lines: (
    id: string,
    asked: { readonly which: 'faulty' | 'duplicate' | 'sound'; readonly after: number; readonly count: number },
  ) => Promise<readonly ShownLine[]>
  /** Those of the Patients whom the person may see, by id. */
  readonly patients: (person: string, ids: readonly string[]) => Promise<ReadonlyMap<string, Patient>>
  /** Has it registered in the background, as it was shown. False if it cannot be, or is already. */
  readonly confirm: (person: string, id: string, options: { readonly keepsDuplicates: boolean }) => Promise<boolean>
  /** Drops it, unless it is registered already. */
  readonly cancel: (person: string, id: string) => Promise<boolean>
}

type Uploaded =
  | { readonly kind: 'uploaded'; readonly id: string }
  | { readonly kind: 'unreadable'; readonly why: string }

type Parts = RegisteringParts & {
  readonly database: Database
  /** Has the import worked on in the background. */
  readonly ask: (id: string) => Promise<unknown>
}

export const openPatientImports = (parts: Parts): PatientImports => {
  const { database, ask } = parts
  return {
    upload: async (person, { organization, study }, file, accepted) => {
      const read = readPatientList(file, accepted)
      if (read.kind === 'unreadable') return read
      const { lines } = read
      const id = await database.transaction(connection => addImport(connection, { person, organization, study, lines }))
      await ask(id)
      return { kind: 'uploaded', id }
    },
    list: person => importsOf(database, person),
    find: (person, id) => findImport(database, person, id),
    lines: (id, asked) => linesOf(database, id, asked),
    patients: async (person, ids) => {
      if (ids.length === 0) return new Map()
      const { find } = await registrarOf(parts, person)
      const found = await find(new URLSearchParams({ _id: ids.join(',') }))
      return new Map(found.map(patient => [patient.id ?? '', patient]))
    },
    confirm: async (person, id, options) => {
      const confirmed = await confirmImport(database, { id, person }, options)
      if (confirmed) await ask(id)
      return confirmed
    },
    cancel: (person, id) => dropImport(database, person, id),
  }
}
