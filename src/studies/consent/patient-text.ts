import type { Attachment, Consent, Extension, ResearchStudy } from '@medplum/fhirtypes'
import { missingParts } from '../../access/text-parts.ts'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { extensions } from '../../fhir/canonical.ts'
import { extensionOf, extensionsOf } from '../../fhir/extension.ts'

/** A version of what patients are given to sign, in the reader's language, else in English, else in any. */
export type PatientText = {
  readonly version: string
  readonly withdrawal: 'hide' | 'keep' | 'erase'
  /** SHA-1 of the text in that language, as in Attachment.hash. */
  readonly hash: string
  readonly attachment: Attachment
}

/** All versions in their order. */
export const textsOf = ({ extension = [] }: ResearchStudy, language: string): readonly PatientText[] =>
  extension.flatMap(entry => {
    if (entry.url !== extensions.patientText) return []
    const attachments = textsIn(entry)
    const isIn = (code: string) => (one: Attachment) => one.language?.split('-')[0] === code
    const attachment = attachments.find(isIn(language)) ?? attachments.find(isIn('en')) ?? attachments[0]
    if (attachment?.data === undefined) return []
    return {
      version: extensionOf(entry, 'version')?.valueString ?? '',
      withdrawal: withdrawalOf(entry),
      hash: digestOf('sha1', attachment.data),
      attachment,
    }
  })

type Signed = { readonly study: ResearchStudy; readonly consent: Consent | undefined }

/** Whether an earlier version was signed than the one to sign now, in any language. */
export const isSignedEarlier = ({ study, consent }: Signed): boolean => {
  const hash = consent?.status === 'active' ? consent.sourceAttachment?.hash : undefined
  const last = study.extension?.findLast(({ url }) => url === extensions.patientText)
  if (hash === undefined || last === undefined) return false
  return !textsIn(last).some(isTextOf(hash))
}

/**
 * Whether the version to sign now lacks a part: then nobody is shown it to be signed but those who were asked to sign it already, when texts could still
 * lack one.
 */
export const isUnfinished = ({ study, consent }: Signed): boolean => {
  if (missingParts(study).length === 0) return false
  const isSigned = consent?.status === 'active' && !isSignedEarlier({ study, consent })
  return !isSigned && consent?.status !== 'proposed'
}

/** By its Consent that is in force, the version that somebody has signed, and the one to sign now: not the same if the text has changed since. */
export const textVersions = ({ study, consent }: Signed) => {
  const nameOf = (version: Extension | undefined) => extensionOf(version ?? {}, 'version')?.valueString ?? null
  const latest = extensionsOf(study, extensions.patientText).at(-1)
  return { signed: nameOf(versionSigned({ study, consent })), latest: nameOf(latest) }
}

/** What a withdrawal does to what is shared now: the text that was signed decides, whatever a newer one says. Undefined if nothing is. */
export const withdrawalSigned = (signed: Signed): PatientText['withdrawal'] | undefined => {
  const version = versionSigned(signed)
  return version && withdrawalOf(version)
}

const versionSigned = ({ study, consent }: Signed): Extension | undefined => {
  const hash = consent?.status === 'active' ? consent.sourceAttachment?.hash : undefined
  if (hash === undefined) return undefined
  return extensionsOf(study, extensions.patientText).find(one => textsIn(one).some(isTextOf(hash)))
}

const withdrawalOf = (version: Extension): PatientText['withdrawal'] =>
  (extensionOf(version, 'withdrawal')?.valueCode ?? 'hide') as PatientText['withdrawal']

/** The very text that has the hash, in the language in which it was signed. */
export const signedTextOf = (study: ResearchStudy, hash: string): Attachment | undefined =>
  extensionsOf(study, extensions.patientText).flatMap(textsIn).find(isTextOf(hash))

/** The texts of a version, one for each language. */
export const textsIn = (version: Extension): readonly Attachment[] =>
  extensionsOf(version, 'text').flatMap(({ valueAttachment }) => valueAttachment ?? [])

/** Whether a text has the hash. */
export const isTextOf =
  (hash: string | undefined) =>
  ({ data }: Attachment): boolean =>
    data !== undefined && digestOf('sha1', data) === hash
