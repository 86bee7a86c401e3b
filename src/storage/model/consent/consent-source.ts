import type { Consent } from '@medplum/fhirtypes'
import { isCoveredBy, type Permit } from '../../../access/consent-permit.ts'
import { digestOf } from '../../../fhir/attachment-digest.ts'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'

/** The text that was signed, recognized by its hash. https://hl7.org/fhir/R4/consent-definitions.html#Consent.source_x_ */
export type SignedText = {
  readonly version: string
  readonly withdrawal: 'hide' | 'keep' | 'erase'
  /** Ids of the Practitioners from elsewhere whom it names as recipients; null if it leaves that to the study. */
  readonly recipients: readonly string[] | null
  /** Whether it is the last version of the study's text. */
  readonly isCurrent: boolean
}

/** Undefined if the study has no text with the hash of the Consent's source. */
export const findSignedText = async (
  connection: Connection,
  study: string,
  consent: Consent,
): Promise<SignedText | undefined> => {
  const hash = hashOf(consent)
  return hash === undefined
    ? undefined
    : connection.maybeOne<SignedText>(sql.fragment`
        SELECT version, withdrawal, recipients,
          position = (SELECT max(position) FROM study_text WHERE study_id = ${study}) AS "isCurrent"
        FROM study_text WHERE study_id = ${study} AND encode(sha1, 'base64') = ${hash}`)
}

const hashOf = ({ sourceAttachment: { hash, data } = {} }: Consent): string | undefined =>
  data === undefined ? hash : digestOf('sha1', data)

type Signing = {
  readonly study: string
  readonly consent: Consent
  readonly text: SignedText | undefined
  readonly permits: readonly Permit[]
  /** What has been in force until now. */
  readonly before?: { readonly text: SignedText | undefined; readonly permits: readonly Permit[] } | undefined
}

/** Whoever signs must have read the current text. What was signed earlier may be kept or narrowed under its own text. */
export const refuseSource = async (connection: Connection, signing: Signing): Promise<void> => {
  const why = reasonAgainst(signing)
  if (why === undefined) return
  throw new FhirError('business-rule', `${why}. ${await tellCurrent(connection, signing.study)}`, {
    expression: signing.consent.sourceAttachment === undefined ? 'Consent.source' : 'Consent.source.hash',
  })
}

const reasonAgainst = ({ consent, text, permits, before }: Signing): string | undefined => {
  const { sourceAttachment, sourceReference, status } = consent
  if (sourceReference !== undefined) return 'A Consent to a study names its text by sourceAttachment.hash'
  if (sourceAttachment === undefined && status !== 'active') return undefined
  if (sourceAttachment?.hash !== undefined && sourceAttachment.hash !== hashOf(consent))
    return 'The hash is not that of the data'
  if (sourceAttachment === undefined)
    return 'Whoever signs says by sourceAttachment.hash which text of the study they read'
  if (text === undefined) return 'The study holds no text with this hash'
  if (status !== 'active' || text.isCurrent) return undefined
  if (before?.text?.version !== text.version) return `Version ${text.version} of the text is not signed any more`
  return permits.every(one => before.permits.some(other => isCoveredBy(one, other)))
    ? undefined
    : `More than before is not given under version ${text.version} of the text`
}

const tellCurrent = async (connection: Connection, study: string): Promise<string> => {
  const current = await connection.any<{ version: string; hash: string }>(sql.fragment`
    SELECT version, encode(sha1, 'base64') AS hash FROM study_text
    WHERE study_id = ${study} AND position = (SELECT max(position) FROM study_text WHERE study_id = ${study})
    ORDER BY hash`)
  const [first] = current
  return first === undefined
    ? 'It has no patient text yet: its ResearchStudy gets one by the extension patient-text'
    : `Its text is version ${first.version}, with the hash ${current.map(({ hash }) => hash).join(' or ')}`
}
