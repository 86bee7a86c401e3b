import type { Consent, ResearchStudy } from '@medplum/fhirtypes'
import { reasonAgainstText } from '../../../access/text-parts.ts'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { findClosing } from './accrual.ts'
import type { SignedText } from './consent-source.ts'
import { isSignedBefore } from './signing-time.ts'

type Asked = {
  readonly study: string
  readonly consent: Consent
  readonly text: SignedText | undefined
  /** The Consent as it has been until now. */
  readonly before: { readonly status: string | undefined; readonly text: SignedText | undefined }
}

/**
 * Nobody is asked to sign a text that lacks a part, and whoever was not asked does not sign it. Whoever was asked, or has signed it, when texts could
 * still lack one may answer; and what was signed before the study stopped taking people comes in.
 */
export const refuseAskingUnfinished = async (
  connection: Connection,
  { study: id, consent, text, before }: Asked,
): Promise<void> => {
  const isAsked = before.status === 'proposed' || (text !== undefined && text.version === before.text?.version)
  if (isAsked) return
  const { study } = await connection.one<{ study: ResearchStudy }>(
    sql.fragment`SELECT content AS study FROM research_study WHERE patient_id = 0 AND id = ${id}`,
  )
  const why = reasonAgainstText(study)
  const closed = why === undefined ? undefined : await findClosing(connection, id)
  if (why === undefined || (closed !== undefined && isSignedBefore(consent.dateTime, closed.at))) return
  throw new FhirError('business-rule', why, {
    expression: consent.sourceAttachment === undefined ? 'Consent.source' : 'Consent.source.hash',
  })
}
