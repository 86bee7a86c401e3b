import type { Attachment, Extension, ResearchStudy } from '@medplum/fhirtypes'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** What people are given to sign, in versions, each perhaps in several languages. What was signed stays as it is. */
export const writeTexts = async (connection: Connection, id: string, study: ResearchStudy): Promise<void> => {
  const texts = textsOf(study)
  refuseSame(texts)
  const rows = JSON.stringify(texts)
  await refuseChangeOfSigned(connection, id, rows)
  await connection.run(sql.fragment`DELETE FROM study_text WHERE study_id = ${id}`)
  await connection.run(sql.fragment`
    INSERT INTO study_text (study_id, version, position, sha1, sha256, withdrawal)
    SELECT ${id}, version, position, decode(sha1, 'base64'), decode(sha256, 'base64'), withdrawal
    FROM jsonb_to_recordset(${rows}::jsonb)
      AS text(version text, position integer, sha1 text, sha256 text, withdrawal text)`)
}

type Text = {
  readonly version: string
  readonly position: number
  readonly sha1: string
  readonly sha256: string
  readonly withdrawal: string
}

const textsOf = ({ extension = [] }: ResearchStudy): readonly Text[] => {
  const seen = new Set<string>()
  return extension.flatMap((entry, index) => {
    if (entry.url !== extensions.patientText) return []
    const at = `ResearchStudy.extension[${index}]`
    const version = partsOf(entry, 'version')[0]?.valueString
    if (version === undefined || seen.has(version))
      throw refusal('Each version of the patient text has a version, and no two have the same', at)
    seen.add(version)
    return textsOfVersion(entry, { version, position: index, at })
  })
}

/** A Consent names a text by its hash alone. */
const refuseSame = (texts: readonly Text[]): void => {
  if (new Set(texts.map(({ sha1 }) => sha1)).size < texts.length)
    throw refusal('The same text stands twice: another version has other words', 'ResearchStudy.extension')
}

const textsOfVersion = (
  entry: Extension,
  { version, position, at }: { readonly version: string; readonly position: number; readonly at: string },
): readonly Text[] => {
  const attachments = partsOf(entry, 'text').flatMap(({ valueAttachment }) => valueAttachment ?? [])
  const withdrawal = partsOf(entry, 'withdrawal')[0]?.valueCode ?? 'hide'
  if (attachments.length === 0) throw refusal('A version of the patient text has its text as an Attachment', at)
  if (!promises.has(withdrawal))
    throw refusal(`What a withdrawal does is ${[...promises].join(', ')}; ${withdrawal} is none of them`, at)
  return attachments.map(attachment => ({ version, position, withdrawal, ...hashesOf(attachment, at) }))
}

const promises: ReadonlySet<string> = new Set(['hide', 'keep', 'erase'])

const partsOf = ({ extension = [] }: Extension, url: string): readonly Extension[] =>
  extension.filter(part => part.url === url)

/** The text itself is held, so that nobody can change what was signed. */
const hashesOf = ({ data, hash }: Attachment, at: string): Pick<Text, 'sha1' | 'sha256'> => {
  if (data === undefined) throw refusal('The patient text stands in Attachment.data: what a url answers may change', at)
  const sha1 = digestOf('sha1', data)
  if (hash !== undefined && hash !== sha1)
    throw refusal(`Attachment.hash is the SHA-1 of the data in base64, and that is ${sha1}`, at)
  return { sha1, sha256: digestOf('sha256', data) }
}

const refuseChangeOfSigned = async (connection: Connection, id: string, rows: string): Promise<void> => {
  const changed = await connection.maybeOne<{ version: string }>(sql.fragment`
    SELECT held.version
    FROM study
    JOIN study_text AS held ON held.study_id = study.id
    JOIN consent_grantee AS given ON given.grantee = study.grantee AND given.text_version = held.version
    WHERE study.id = ${id} AND NOT EXISTS (
      SELECT FROM jsonb_to_recordset(${rows}::jsonb) AS text(version text, sha1 text, withdrawal text)
      WHERE text.version = held.version AND decode(text.sha1, 'base64') = held.sha1 AND text.withdrawal = held.withdrawal)
    LIMIT 1`)
  if (changed !== undefined)
    throw refusal(
      `Consents name version ${changed.version} of the patient text: it stays as it is, and a change is a new version`,
      'ResearchStudy.extension',
    )
}

const refusal = (message: string, expression: string): FhirError =>
  new FhirError('business-rule', message, { expression })
