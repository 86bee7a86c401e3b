import type { Patient } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { ownFault } from '../../messages/undelivered.ts'
import { isBarredPerson } from '../../storage/account/barred.ts'
import type { Connection, Database } from '../../storage/database.ts'
import { meantPatients } from '../../storage/organization/chosen-lines.ts'
import {
  awaitOtherImports,
  awaitRegistering,
  dropOldImports,
  endChecking,
  endImport,
  type FoundDuplicates,
  failImport,
  importsToWorkOn,
  linesOf,
  noteDone,
  noteDuplicates,
  type PatientImport,
  readImport,
  type ShownLine,
  showAgain,
  type WhichLines,
} from '../../storage/organization/patient-import.ts'
import { addAction } from '../../storage/study/study-action.ts'
import type { Attempt, Queue } from '../../storage/work/queue.ts'
import { refuseToEnrol } from '../definition/study-status.ts'
import { refusedWork } from '../refused-work.ts'
import { amongPatients, type FindPatients, openDuplicates, openLinesBefore } from './duplicate-patients.ts'
import { holdForEnrolment } from './held-enrolment.ts'
import {
  patientsIn,
  type RegisteringParts,
  type Registrar,
  refuseClosed,
  registerAll,
  registrarOf,
} from './registering.ts'

type Parts = RegisteringParts & {
  readonly database: Database
  /** Has a StudyAction worked on in the background. */
  readonly askForAction: (id: string) => Promise<unknown>
  readonly queue: Pick<Queue, 'work'>
  readonly reportFault: (fault: unknown) => void
}

/** Works on lists of patients with the rights of whoever sent them, also on lists from before this process began, and drops those that nobody confirms. */
export const workOnImports = async (parts: Parts): Promise<{ readonly close: () => void }> => {
  const { database, queue } = parts
  const workOnOne = async (id: string, attempt: Attempt): Promise<void> => {
    const found = await readImport(database, id)
    if (found !== undefined) await workOn(parts, found, attempt)
  }
  await queue.work(workOnOne, () => importsToWorkOn(database))
  const forget = () => void dropOldImports(database).catch(parts.reportFault)
  forget()
  const timer = setInterval(forget, hourMs)
  return { close: () => clearInterval(timer) }
}

const hourMs = 60 * 60 * 1000

const workOn = async (parts: Parts, found: PatientImport, { isLast }: Attempt): Promise<void> => {
  try {
    if (await isBarredPerson(parts.database, found.person))
      throw new FhirError('forbidden', 'The account of whoever sent it is not active')
    await steps[found.state]?.(parts, found)
  } catch (error) {
    const refusal = refusedWork(error)
    if (refusal === undefined) parts.reportFault(error)
    if (refusal === undefined && !isLast(error)) throw error
    await failImport(parts.database, found.id, refusal ?? ownFault)
  }
}

type Step = (parts: Parts, found: PatientImport) => Promise<void>

/** Notes which of the patients may be there already. Doing it again gives the same. */
const check: Step = async (parts, { id, person }) => {
  const { database } = parts
  const { find } = await registrarOf(parts, person)
  const lineBefore = openLinesBefore()
  const findAmong = openDuplicatesAmong(find)
  let done = 0
  for await (const lines of chunksOf(database, id, 'all')) {
    const there = await findAmong(lines)
    const found = soundOf(lines).map(({ line, patient }) => {
      const before = lineBefore(line, patient)
      const duplicates = [...(before === undefined ? [] : [{ line: before }]), ...(there.get(line) ?? [])]
      return { line, duplicates: duplicates.slice(0, mostDuplicates) }
    })
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

/** By line, which patients may be there already, and who they may be; for one chunk of lines after the other. */
const openDuplicatesAmong = (find: FindPatients) => {
  const findDuplicates = openDuplicates(find, { most: mostDuplicates })
  return async (lines: readonly ShownLine[]) => {
    const sound = soundOf(lines)
    const there = await findDuplicates(sound.map(({ patient }) => patient))
    return new Map(
      sound.flatMap(({ line }, index) => {
        const duplicates = (there[index] ?? []).map(({ patient }) => ({ patient: patient.id ?? '' }))
        return duplicates.length === 0 ? [] : [[line, duplicates] as const]
      }),
    )
  }
}

const soundOf = (lines: readonly ShownLine[]): readonly { readonly line: number; readonly patient: Patient }[] =>
  lines.flatMap(({ line, patient }) => (patient === null ? [] : [{ line, patient }]))

const mostDuplicates = 5

/**
 * Registers all of the list or nothing, in one transaction, and notes beside it how far it has come. If somebody was registered since the list
 * was checked, or while it was being registered, who may be one of its patients, that is shown first, and nothing is registered yet.
 */
const register: Step = async (parts, found) => {
  const { store, organizations, find } = await registrarOf(parts, found.person)
  const show = (connection: Connection, duplicates: FoundDuplicates) =>
    showAgain(connection, found.id, { duplicates, reason: reasonOf(duplicates) })
  try {
    await store.atomic(async (within, connection) => {
      await awaitOtherImports(connection, found.organization)
      await refuseClosed(within, found.organization)
      if (found.study !== null) refuseToEnrol(JSON.parse((await within.read('ResearchStudy', found.study)).content))
      const began = Date.now()
      const duplicates = await cameMeanwhile(parts, found, patientsIn(parts.registry, within))
      if (duplicates.length > 0) return show(connection, duplicates)
      const imported = await registerLines(parts, found, { store: within, organizations })
      // It may have ended while the list was written, which takes minutes.
      if (found.study !== null) await holdForEnrolment(within, connection, found.study)
      await awaitRegistering(connection, found.organization)
      // Found beside the transaction, where those of the list are not there yet. Everybody else who registers waits for this.
      const changed = await find(changedSince(began - longestWriteMs))
      const late = changed.length === 0 ? [] : await cameMeanwhile(parts, found, amongPatients(changed))
      if (late.length > 0) throw new CameMeanwhile(late)
      const action = await enrolMeant(connection, found)
      if (!(await endImport(connection, found.id, { imported, action })))
        throw new FhirError('conflict', 'It was registered already')
    })
  } catch (error) {
    if (!(error instanceof CameMeanwhile)) throw error
    await parts.database.transaction(connection => show(connection, error.duplicates))
  }
  const registered = await readImport(parts.database, found.id)
  if (registered !== undefined) await askForEnrolment(parts, registered)
}

/**
 * Those who were registered already are enrolled one by one, as if they were ticked on the page of the study: whoever may not be, or is in the study
 * already, keeps nobody else from it. Answers the id of the StudyAction, if there is anybody.
 */
const enrolMeant = async (
  connection: Connection,
  { id, person, study }: PatientImport,
): Promise<string | undefined> => {
  const targets = await meantPatients(connection, id)
  if (study === null || targets.length === 0) return undefined
  return addAction(connection, { person, study, what: 'enrol', way: 'any', targets })
}

/** Also if the server stopped just after the list was registered. */
const askForEnrolment: Step = async ({ askForAction }, { action }) => {
  if (action !== null) await askForAction(action)
}

const changedSince = (time: number): URLSearchParams =>
  new URLSearchParams({ _lastUpdated: `ge${new Date(time).toISOString()}` })

/** A Patient has the time at which it was written, but nobody sees it before its transaction is committed, which may be so much later. */
const longestWriteMs = 10 * 60 * 1000

/** Thrown, so that the transaction is rolled back. */
class CameMeanwhile extends FhirError {
  readonly duplicates: FoundDuplicates
  constructor(duplicates: FoundDuplicates) {
    super('conflict', 'Somebody was registered meanwhile who may be one of these')
    this.duplicates = duplicates
  }
}

/** Duplicates of patients who had none when they were shown. */
const cameMeanwhile = async (
  { database }: Parts,
  { id }: PatientImport,
  find: FindPatients,
): Promise<FoundDuplicates> => {
  const came: FoundDuplicates[number][] = []
  const findAmong = openDuplicatesAmong(find)
  for await (const lines of chunksOf(database, id, 'sound'))
    for (const [line, duplicates] of await findAmong(lines)) came.push({ line, duplicates })
  return came
}

const reasonOf = (found: FoundDuplicates): string => {
  const { length } = found
  const lines = found.slice(0, mostLinesNamed).map(({ line }) => line)
  const others = length > lines.length ? ` and ${length - lines.length} more` : ''
  return `After you looked at it somebody was registered who may be the same as ${length === 1 ? 'one' : length} of these, so nothing of it is registered yet: see ${length === 1 ? 'line' : 'lines'} ${lines.join(', ')}${others}`
}

const mostLinesNamed = 10

const registerLines = async (
  parts: Parts,
  found: PatientImport,
  { store, organizations }: Registrar,
): Promise<number> => {
  const { database } = parts
  const { id, organization, study } = found
  let imported = 0
  for await (const lines of chunksOf(database, id, 'to-register')) {
    const patients: readonly Patient[] = lines.flatMap(({ patient }) => patient ?? [])
    await registerAll(parts, store, patients, { organization, organizations, ...(study !== null && { study }) })
    imported += patients.length
    await noteDone(database, id, imported)
  }
  return imported
}

const steps: Readonly<Partial<Record<PatientImport['state'], Step>>> = {
  checking: check,
  importing: register,
  imported: askForEnrolment,
}

async function* chunksOf(database: Database, id: string, which: WhichLines): AsyncGenerator<readonly ShownLine[]> {
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
