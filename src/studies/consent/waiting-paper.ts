import type { Consent } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import type { Connection } from '../../storage/database.ts'
import { findPaperRecord, type PaperRecord } from '../../storage/study/paper-consent.ts'

/** What was recorded from paper. `version` names exactly that record. */
export type RecordedPaper = { readonly consent: Consent; readonly record: PaperRecord; readonly version: string }

/** What counts for nothing until somebody else of the staff confirms it; undefined if the Consent does not wait, or waits for its patient. */
export const findWaitingPaper = async (
  connection: Connection,
  consent: Consent | undefined,
): Promise<RecordedPaper | undefined> => {
  if (consent?.status !== 'proposed') return undefined
  const record = await findPaperRecord(connection, consent.id ?? '', consent.meta?.versionId ?? '')
  return record && { consent, record, version: `${consent.id}/${consent.meta?.versionId}` }
}

/** What somebody else of the staff has confirmed, and holds since then; undefined if the Consent was changed after that, or has ended. */
export const findConfirmedPaper = async (
  connection: Connection,
  consent: Consent | undefined,
): Promise<RecordedPaper | undefined> => {
  if (consent === undefined || !isOnPaper(consent)) return undefined
  const now = Number(consent.meta?.versionId)
  const record = await findPaperRecord(connection, consent.id ?? '', `${now - 1}`)
  return record && { consent, record, version: `${consent.id}/${now}` }
}

/** Whether the Consent holds, and was given on paper. */
export const isOnPaper = ({ status, extension = [] }: Consent): boolean =>
  status === 'active' && extension.some(({ url }) => url === extensions.paperScan)
