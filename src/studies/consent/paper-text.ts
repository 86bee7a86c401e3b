import type { Attachment, ResearchStudy } from '@medplum/fhirtypes'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { extensions } from '../../fhir/canonical.ts'
import { extensionOf, extensionsOf } from '../../fhir/extension.ts'
import type { Database } from '../../storage/database.ts'
import { textPublishedAt } from '../../storage/study/text-published.ts'
import { isTextOf, textsIn } from './patient-text.ts'

/** The text on a paper, as the study has it. */
export type PaperText = {
  readonly version: string
  /** The text in the language of the paper. */
  readonly attachment: Attachment
  /** Codes of all languages that the version has; empty if it does not say. */
  readonly languages: readonly string[]
  /** Changes whenever anything in the version does. */
  readonly digest: string
  /** Whether it is the version that is signed now. */
  readonly isCurrent: boolean
  readonly publishedAt: Date
}

/** Undefined if the study has no text with the hash. */
export const findPaperText = async (
  database: Database,
  study: ResearchStudy,
  hash: string | undefined,
): Promise<PaperText | undefined> => {
  const versions = extensionsOf(study, extensions.patientText)
  const isSigned = isTextOf(hash)
  const entry = versions.find(one => textsIn(one).some(isSigned))
  const attachment = entry && textsIn(entry).find(isSigned)
  const publishedAt = attachment && (await textPublishedAt(database, { study: study.id ?? '', text: attachment }))
  if (entry === undefined || attachment === undefined || publishedAt === undefined) return undefined
  return {
    version: extensionOf(entry, 'version')?.valueString ?? '',
    attachment,
    languages: textsIn(entry).flatMap(({ language }) => language?.split('-')[0] ?? []),
    digest: digestOf('sha256', Buffer.from(JSON.stringify(entry)).toString('base64')),
    isCurrent: entry === versions.at(-1),
    publishedAt,
  }
}
