import type { Patient } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { isBarredPerson } from '../storage/account/barred.ts'
import type { Database } from '../storage/database.ts'
import {
  dropOldImports,
  endChecking,
  endImport,
  failImport,
  importsToWorkOn,
  type LineDuplicate,
  linesOf,
  noteDone,
  noteDuplicates,
  type PatientImport,
  readImport,
  type ShownLine,
} from '../storage/patient-import.ts'
import type { Queue } from '../storage/queue.ts'
import { type Duplicate, findDuplicates, keysOf } from './duplicate-patients.ts'
import { ownFault, refusedWork } from './refused-work.ts'
import { type RegisteringParts, registerAll, registrarOf } from './registering.ts'

type Parts = RegisteringParts & {
  readonly database: Database
  readonly queue: Pick<Queue, 'ask' | 'work'>
  readonly reportFault: (fault: unknown) => void
}

/** Works on lists of patients as who sent them, also on those from before this process began, and forgets what nobody confirms. */
export const workOnImports = async (parts: Parts): Promise<{ readonly close: () => void }> => {
  const { database, queue } = parts
  await queue.work(async (id, attempt) => {
    const found = await readImport(database, id)
    if (found !== undefined) await workOn(parts, found, attempt)
  })
  for (const id of await importsToWorkOn(database)) await queue.ask(id)
  const forget = () => void dropOldImports(database).catch(parts.reportFault)
  forget()
  const timer = setInterval(forget, hourMs)
  return { close: () => clearInterval(timer) }
}

const hourMs = 60 * 60 * 1000

const workOn = async (parts: Parts, found: PatientImport, { isLast }: { readonly isLast: boolean }): Promise<void> => {
  try {
    if (await isBarredPerson(parts.database, found.person))
      throw new FhirError('forbidden', 'Who sent it is not active')
    await steps[found.state]?.(parts, found)
  } catch (error) {
    const refusal = refusedWork(error)
    if (refusal === undefined) parts.reportFault(error)
    if (refusal === undefined && !isLast) throw error
    await failImport(parts.database, found.id, refusal ?? ownFault)
  }
}

type Step = (parts: Parts, found: PatientImport) => Promise<void>

/** Who may be there already. Asked again it finds the same. */
const check: Step = async (parts, { id, person }) => {
  const { database } = parts
  const { find } = await registrarOf(parts, person)
  const lineBefore = openLinesBefore()
  let done = 0
  for await (const lines of chunksOf(database, id, 'all')) {
    const sound = lines.flatMap(({ line, patient }) => (patient === null ? [] : [{ line, patient }]))
    const there = await findDuplicates(
      find,
      sound.map(({ patient }) => patient),
    )
    const found = sound.map((line, index) => ({
      line: line.line,
      duplicates: [...lineBefore(line), ...(there[index] ?? []).map(toPatientId)].slice(0, mostDuplicates),
    }))
    await noteDuplicates(
      database,
      id,
      found.filter(({ duplicates }) => duplicates.length > 0),
    )
    done += lines.length
    await noteDone(database, id, done)
  }
  await endChecking(database, id)
}

const toPatientId = ({ patient }: Duplicate): LineDuplicate => ({ patient: patient.id ?? '' })

/** The first line of the same file that may be the same human, if there is one. */
const openLinesBefore = () => {
  const lineByKey = new Map<string, number>()
  return ({ line, patient }: SoundLine): readonly LineDuplicate[] => {
    const keys = keysOf(patient)
    const before = keys.flatMap(key => lineByKey.get(key) ?? [])[0]
    for (const key of keys) if (!lineByKey.has(key)) lineByKey.set(key, line)
    return before === undefined ? [] : [{ line: before }]
  }
}

type SoundLine = { readonly line: number; readonly patient: Patient }

const mostDuplicates = 5

/** All of it, or nothing, in one transaction; it is told besides how far that is. */
const register: Step = async (parts, { id, person, organization, study, keepsDuplicates }) => {
  const { database } = parts
  const { store } = await registrarOf(parts, person)
  await store.atomic(async (within, connection) => {
    let imported = 0
    for await (const lines of chunksOf(database, id, keepsDuplicates ? 'all' : 'sound')) {
      const patients: readonly Patient[] = lines.flatMap(({ patient }) => patient ?? [])
      await registerAll(parts, within, patients, { organization, ...(study !== null && { study }) })
      imported += patients.length
      await noteDone(database, id, imported)
    }
    if (!(await endImport(connection, id, imported))) throw new FhirError('conflict', 'It was registered already')
  })
}

const steps: Readonly<Partial<Record<PatientImport['state'], Step>>> = { checking: check, importing: register }

async function* chunksOf(database: Database, id: string, which: 'all' | 'sound'): AsyncGenerator<readonly ShownLine[]> {
  let after = 0
  for (;;) {
    const lines = await linesOf(database, id, { which, after, count: chunkSize })
    const last = lines.at(-1)
    if (last === undefined) return
    yield lines
    after = last.line
  }
}

const chunkSize = 200
