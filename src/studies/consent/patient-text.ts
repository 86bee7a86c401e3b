import type { Attachment, Consent, Extension, ResearchStudy } from '@medplum/fhirtypes'
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
      withdrawal: (extensionOf(entry, 'withdrawal')?.valueCode ?? 'hide') as PatientText['withdrawal'],
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

/** By its Consent that is in force, the version that somebody has signed, and the one to sign now: not the same if the text has changed since. */
export const textVersions = ({ study, consent }: Signed) => {
  const versions = extensionsOf(study, extensions.patientText)
  const hash = consent?.status === 'active' ? consent.sourceAttachment?.hash : undefined
  const signed = hash === undefined ? undefined : versions.find(one => textsIn(one).some(isTextOf(hash)))
  const nameOf = (version: Extension | undefined) => extensionOf(version ?? {}, 'version')?.valueString ?? null
  return { signed: nameOf(signed), latest: nameOf(versions.at(-1)) }
}

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
