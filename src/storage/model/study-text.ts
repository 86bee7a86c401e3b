import type { Attachment, Extension, ResearchStudy } from '@medplum/fhirtypes'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { extensionOf, extensionsOf } from '../../fhir/extension.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { granteeNumber } from './grantee.ts'

/** The texts that people are given to sign, in versions, each in one or several languages. What was signed stays as it is. */
export const writeTexts = async (connection: Connection, id: string, study: ResearchStudy): Promise<void> => {
  const texts = textsOf(study)
  refuseSame(texts)
  const rows = JSON.stringify(texts)
  await refuseChangeOfSigned(connection, id, rows)
  const isClosing = await saysWhoReceives(connection, id, rows)
  await connection.run(sql.fragment`DELETE FROM study_text WHERE study_id = ${id}`)
  await connection.run(sql.fragment`
    INSERT INTO study_text (study_id, version, position, sha1, sha256, withdrawal, recipients)
    SELECT ${id}, version, position, decode(sha1, 'base64'), decode(sha256, 'base64'), withdrawal, recipients
    FROM jsonb_to_recordset(${rows}::jsonb)
      AS text(version text, position integer, sha1 text, sha256 text, withdrawal text, recipients text[])`)
  await writeRecipients(connection, id, texts)
  if (isClosing) await closePermits(connection, id)
}

type Text = {
  readonly version: string
  readonly position: number
  readonly sha1: string
  readonly sha256: string
  readonly withdrawal: string
  /** Ids of Practitioners from elsewhere; absent if it leaves to the study who receives. */
  readonly recipients?: readonly string[]
}

const textsOf = ({ extension = [], sponsor }: ResearchStudy): readonly Text[] => {
  const seen = new Set<string>()
  let isClosed = false
  return extension.flatMap((entry, index) => {
    if (entry.url !== extensions.patientText) return []
    const at = `ResearchStudy.extension[${index}]`
    const version = extensionOf(entry, 'version')?.valueString
    if (version === undefined || seen.has(version))
      throw refusal('Each version of the patient text has a version, and no two have the same', at)
    seen.add(version)
    const recipients = recipientsOf(entry, { organization: sponsor?.reference, at })
    if (isClosed && recipients === undefined)
      throw refusal('An earlier version of the patient text says who receives, so each later one does', at)
    isClosed ||= recipients !== undefined
    return textsOfVersion(entry, { version, position: index, at, ...(recipients && { recipients }) })
  })
}

/** Ids of those recipients who are people from elsewhere, beside the study's organization. Undefined if the text names no recipient. */
const recipientsOf = (
  entry: Extension,
  { organization, at }: { readonly organization: string | undefined; readonly at: string },
): readonly string[] | undefined => {
  const named = extensionsOf(entry, 'recipient').map(({ valueReference }) => valueReference)
  if (named.length === 0) return undefined
  return named.flatMap(reference => {
    if (organization !== undefined && reference?.reference === organization) return []
    const practitioner = namedId(reference, 'Practitioner')
    if (practitioner === undefined)
      throw refusal('A recipient is the organization of the study, or a Practitioner from elsewhere', at)
    return practitioner
  })
}

/** A Consent names its text by the hash alone, so no two texts may be the same. */
const refuseSame = (texts: readonly Text[]): void => {
  if (new Set(texts.map(({ sha1 }) => sha1)).size < texts.length)
    throw refusal('The same text stands twice: another version has other words', 'ResearchStudy.extension')
}

const textsOfVersion = (
  entry: Extension,
  { at, ...more }: Pick<Text, 'version' | 'position' | 'recipients'> & { readonly at: string },
): readonly Text[] => {
  const attachments = extensionsOf(entry, 'text').flatMap(({ valueAttachment }) => valueAttachment ?? [])
  const withdrawal = extensionOf(entry, 'withdrawal')?.valueCode ?? 'hide'
  if (attachments.length === 0) throw refusal('A version of the patient text has its text as an Attachment', at)
  if (!promises.has(withdrawal))
    throw refusal(`What a withdrawal does is ${[...promises].join(', ')}; ${withdrawal} is none of them`, at)
  return attachments.map(attachment => ({ ...more, withdrawal, ...hashesOf(attachment, at) }))
}

const promises: ReadonlySet<string> = new Set(['hide', 'keep', 'erase'])

/** The text itself must be in the resource, so that nobody can change what was signed. */
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
      SELECT FROM jsonb_to_recordset(${rows}::jsonb) AS text(version text, sha1 text, withdrawal text, recipients text[])
      WHERE text.version = held.version AND decode(text.sha1, 'base64') = held.sha1 AND text.withdrawal = held.withdrawal
        AND (text.recipients IS NOT DISTINCT FROM held.recipients OR (held.recipients IS NULL AND text.recipients <@ ARRAY(
          SELECT practitioner FROM study_staff WHERE study_id = ${id} AND period_end > now()))))
    LIMIT 1`)
  if (changed !== undefined)
    throw refusal(
      `Consents name version ${changed.version} of the patient text: it stays as it is, and a change is a new version. Only who receives may be said later, of those who are its staff already`,
      'ResearchStudy.extension',
    )
}

/** Whether a version that left it to the study who receives now says so. */
const saysWhoReceives = async (connection: Connection, id: string, rows: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM study_text AS held
    JOIN jsonb_to_recordset(${rows}::jsonb) AS text(version text, recipients text[]) ON text.version = held.version
    WHERE held.study_id = ${id} AND held.recipients IS NULL AND text.recipients IS NOT NULL LIMIT 1`)) !== undefined

const writeRecipients = async (connection: Connection, id: string, texts: readonly Text[]): Promise<void> => {
  const named = [...new Set(texts.flatMap(({ recipients = [] }) => recipients))]
  await connection.run(sql.fragment`
    DELETE FROM study_grantee
    WHERE study_id = ${id} AND practitioner IS NOT NULL AND practitioner <> ALL(${sql.array(named, 'text')})`)
  for (const practitioner of named) {
    const grantee = await granteeNumber(connection, { kind: 'study-recipient', id: `${id} ${practitioner}` })
    await connection.run(sql.fragment`
      INSERT INTO study_grantee (study_id, grantee, practitioner) VALUES (${id}, ${grantee}, ${practitioner})
      ON CONFLICT DO NOTHING`)
  }
}

/** Gives what was given to all who read for the study only to those whom the signed text now names. */
const closePermits = async (connection: Connection, id: string): Promise<void> => {
  const given = sql.fragment`
    study_group_observation_consents AS permit
    JOIN study ON study.grantee = permit.grantee AND study.id = ${id}
    JOIN consent_grantee AS given ON given.patient_id = permit.patient_id AND given.consent_id = permit.consent_id
    JOIN (SELECT DISTINCT version, recipients FROM study_text WHERE study_id = ${id} AND recipients IS NOT NULL) AS text
      ON text.version = given.text_version`
  await connection.run(sql.fragment`
    WITH closed AS (
      SELECT permit.*, reached.grantee AS reached
      FROM ${given}
      JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.grantee <> study.grantee
        AND (reached.practitioner IS NULL OR reached.practitioner = ANY(text.recipients))
    ),
    opened AS (
      DELETE FROM study_group_observation_consents AS before USING closed
      WHERE before.patient_id = closed.patient_id AND before.consent_id = closed.consent_id AND before.grantee = closed.grantee)
    INSERT INTO study_group_observation_consents
      (patient_id, grantee, scope_action, kind_id, device_id, data_start, data_end, consented, valid_from, valid_to,
        consent_id, version, stored_before)
    SELECT patient_id, reached, scope_action, kind_id, device_id, data_start, data_end, consented, valid_from, valid_to,
      consent_id, version, stored_before
    FROM closed`)
}

const refusal = (message: string, expression: string): FhirError =>
  new FhirError('business-rule', message, { expression })
