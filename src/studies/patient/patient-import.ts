import type { Patient } from '@medplum/fhirtypes'
import type { Connection, Database } from '../../storage/database.ts'
import { type Choices, chooseLines, confirmImport } from '../../storage/organization/chosen-lines.ts'
import {
  addImport,
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
  /** Keeps what is to become of duplicates, for when it is confirmed. */
  readonly choose: (person: string, id: string, choices: Choices) => Promise<Chosen>
  /** Has it registered in the background, as it was shown. */
  readonly confirm: (person: string, id: string, choices: Choices) => Promise<Chosen | Confirmed>
  /** Drops it, unless it is registered already. */
  readonly cancel: (person: string, id: string) => Promise<boolean>
}

/** `strange`: a line that cannot have its choice; those of the others are kept. `past`: the list does not wait any more, or has more of them than were shown. */
type Chosen =
  | { readonly kind: 'chosen' }
  | { readonly kind: 'strange'; readonly line: number }
  | { readonly kind: 'past' }

/** `nobody`: with these choices nobody is registered or enrolled. The choices are kept. */
type Confirmed = { readonly kind: 'confirmed' } | { readonly kind: 'nobody' }

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
    choose: (person, id, choices) => database.transaction(connection => choose(connection, { person, id }, choices)),
    confirm: async (person, id, choices) => {
      const answer = await database.transaction(async connection => {
        const kept = await choose(connection, { person, id }, choices)
        if (kept.kind !== 'chosen') return kept
        return { kind: (await confirmImport(connection, { person, id })) ? 'confirmed' : 'nobody' } as const
      })
      if (answer.kind === 'confirmed') await ask(id)
      return answer
    },
    cancel: (person, id) => dropImport(database, person, id),
  }
}

const choose = async (
  connection: Connection,
  list: { readonly person: string; readonly id: string },
  choices: Choices,
): Promise<Chosen> => {
  const noted = await chooseLines(connection, list, choices)
  if (noted === undefined) return { kind: 'past' }
  const strange = choices.chosen.find(({ line }) => !noted.includes(line))
  return strange === undefined ? { kind: 'chosen' } : { kind: 'strange', line: strange.line }
}
