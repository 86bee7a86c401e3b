import type { Consent } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../../storage/database.ts'
import type { Write } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import type { OwnRecord } from './own-record.ts'
import { isWrittenMeanwhile } from './until-written.ts'

export type Signed = 'signed' | 'overtaken' | 'changed'

type Signing = {
  readonly write: Write
  /** The last answer that was read before it. */
  readonly before: Consent | undefined
  /** All answers to whom it is given, the last one first. */
  readonly answersOf: (record: OwnRecord) => Promise<readonly Consent[]>
  /** Whether whom it is given to was written since it was read. */
  readonly isChanged: (record: OwnRecord, connection: Connection) => Promise<boolean>
}

/**
 * Writes what somebody signs. If another answer was given meanwhile, that one stands and nothing is signed (`overtaken`); nor is anything if what was
 * shown to them has changed (`changed`).
 */
export const signAnswer = async (
  record: OwnRecord,
  { write, before, answersOf, isChanged }: Signing,
): Promise<Signed> => {
  const changed = new FhirError('conflict', 'What is signed was changed at the moment of signing')
  try {
    await record.atomic(async (within, connection) => {
      const { id } = await writeOrThrow(within.store, write)
      // Asked after the write: from then on a study, and what else the patient has answered, stay as they are until the commit.
      if (await isChanged(within, connection)) throw changed
      if (await isAnsweredSince(before, id, () => answersOf(within))) throw answered()
    })
    return 'signed'
  } catch (error) {
    if (error === changed) return 'changed'
    if (isWrittenMeanwhile(error) || isSignedTooEarly(error)) return 'overtaken'
    // It may be refused for what a study says only now: that there is another text, that it asks for less, or that it is over.
    const isRefused = error instanceof FhirError && error.status < 500
    if (isRefused && (await record.atomic(isChanged))) return 'changed'
    throw error
  }
}

/** Since the moment of signing was taken, they have said no. */
const isSignedTooEarly = (error: unknown): boolean =>
  error instanceof FhirError && error.issues[0].expression === 'Consent.dateTime'

const answered = (): FhirError => new FhirError('conflict', 'Another answer was given at the moment of signing')

/** Whether there is an answer beside the one just written that was not read before it: a no keeps no yes from being written. */
const isAnsweredSince = async (
  before: Consent | undefined,
  written: string,
  answers: () => Promise<readonly Consent[]>,
): Promise<boolean> => {
  // What replaces an answer names its version.
  if (before?.id === written) return false
  const last = (await answers()).find(({ id }) => id !== written)
  return last?.id !== before?.id || last?.meta?.versionId !== before?.meta?.versionId
}
