import type { Attachment } from '@medplum/fhirtypes'
import { type TextPart, textParts } from '../../access/text-parts.ts'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { languageCodes, wordsFor } from '../../messages/catalogue.ts'
import { attachmentOf } from '../definition/study-text.ts'
import type { CareGrantee } from './care-grantee.ts'

/** What patients sign to share for their care. Nobody but the Consent keeps it, so it is there as it was signed, whatever we write later. */
export type CareText = {
  /** SHA-1, as in Attachment.hash. */
  readonly hash: string
  readonly attachment: Attachment
}

/** The words of this release, about the grantee as it is now. */
export const careText = (grantee: Named, language: string): CareText => {
  const { code, say } = wordsFor(language)
  const words = Object.fromEntries(textParts.map(part => [part, partOf(part, grantee, code)]))
  const draft = { withdrawal: 'hide', words: { [code]: words as Readonly<Record<TextPart, string>> } }
  const attachment = { ...attachmentOf(draft, code), title: say('care-text.title', { who: grantee.name }) }
  return { hash: digestOf('sha1', attachment.data ?? ''), attachment }
}

/** Whether the text with the hash is the one of today, in any language. */
export const isCareTextNow = (hash: string | undefined, grantee: Named): boolean =>
  languageCodes.some(code => careText(grantee, code).hash === hash)

type Named = Pick<CareGrantee, 'kind' | 'name' | 'contacts'>

const partOf = (part: TextPart, { kind, name: who, contacts }: Named, language: string): string => {
  const { say } = wordsFor(language)
  switch (part) {
    case 'who-and-why':
      return say(`care-text.who-and-why-${kind}`, { who })
    case 'withdrawal':
      return say('care-text.withdrawal', { who, page: say('sharing.title') })
    case 'contact':
      return [who, ...contacts].join(', ')
    default:
      return say(`care-text.${part}`, { who })
  }
}
