import type { Consent } from '@medplum/fhirtypes'
import type { Connection } from '../../storage/database.ts'
import { findPaperRecord, type PaperRecord } from '../../storage/study/paper-consent.ts'

/** What was recorded from paper, and counts for nothing until somebody else of the staff confirms it. `version` names exactly that record. */
export type WaitingPaper = { readonly consent: Consent; readonly record: PaperRecord; readonly version: string }

/** Undefined if the Consent does not wait, or waits for its patient. */
export const findWaitingPaper = async (
  connection: Connection,
  consent: Consent | undefined,
): Promise<WaitingPaper | undefined> => {
  if (consent?.status !== 'proposed') return undefined
  const record = await findPaperRecord(connection, consent.id ?? '', consent.meta?.versionId ?? '')
  return record && { consent, record, version: `${consent.id}/${consent.meta?.versionId}` }
}
