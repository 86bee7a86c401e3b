import type { Consent } from '@medplum/fhirtypes'
import type { Connection } from '../../storage/database.ts'
import { findPaperRecord, type PaperRecord } from '../../storage/study/paper-consent.ts'

/** What was recorded from paper, and waits for somebody else of the staff: it counts for nothing yet. `version` is of exactly that. */
export type WaitingPaper = { readonly consent: Consent; readonly record: PaperRecord; readonly version: string }

/** Undefined where the Consent is none that waits, or waits for its patient. */
export const findWaitingPaper = async (
  connection: Connection,
  consent: Consent | undefined,
): Promise<WaitingPaper | undefined> => {
  if (consent?.status !== 'proposed') return undefined
  const record = await findPaperRecord(connection, consent.id ?? '', consent.meta?.versionId ?? '')
  return record && { consent, record, version: `${consent.id}/${consent.meta?.versionId}` }
}
