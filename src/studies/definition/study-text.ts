import type { Attachment, Extension, ResearchStudy } from '@medplum/fhirtypes'
import { askOf, textAsks } from '../../access/text-asks.ts'
import { headingOf, missingParts, type TextPart, textParts } from '../../access/text-parts.ts'
import { extensions } from '../../fhir/canonical.ts'
import { extensionOf, extensionsOf } from '../../fhir/extension.ts'
import { languageName } from '../../fhir/language.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { everyRequest } from './requested-data.ts'
import { displayOf, requestsOf } from './study-request.ts'
import { textLanguage } from './study-words.ts'
import { betweenParts, cutInParts, headingWritten, textLanguages } from './text-part.ts'
import { withExtensions } from './with-extensions.ts'

/** A version of the patient text that is still being written, so nobody is asked to sign it. */
export type TextDraft = {
  readonly withdrawal: string
  /** By language, what is written of each part, trimmed; empty if nothing is. */
  readonly words: Readonly<Record<string, Readonly<Record<TextPart, string>>>>
}

/** What is written of a part in a language; empty if nothing is. */
export const writtenIn = ({ words }: TextDraft, language: string, part: TextPart): string =>
  words[language]?.[part] ?? ''

export const draftOf = (study: ResearchStudy): TextDraft | undefined => {
  const entry = extensionOf(study, extensions.patientTextDraft)
  if (entry === undefined) return undefined
  const parts = extensionsOf(entry, 'part')
  const codeIn = (one: Extension, name: string) => extensionOf(one, name)?.valueCode
  const wordsOf = (language: string, part: TextPart): string => {
    const found = parts.find(one => codeIn(one, 'language') === language && codeIn(one, 'name') === part)
    return (found && extensionOf(found, 'text')?.valueString) ?? ''
  }
  return {
    withdrawal: codeIn(entry, 'withdrawal') ?? '',
    words: eachLanguage(language => eachPart(part => wordsOf(language, part))),
  }
}

/** One of which nothing is kept, so that the study has none. */
export const isEmptyDraft = (draft: TextDraft): boolean =>
  draft.withdrawal === '' &&
  textLanguages.every(language => textParts.every(part => writtenIn(draft, language, part) === ''))

/** The study with this draft in place of the one before, if there was one. */
export const withDraft = (study: ResearchStudy, one: TextDraft): ResearchStudy => {
  const { withdrawal } = one
  const written = textLanguages.flatMap(language =>
    textParts.flatMap(part => {
      const text = writtenIn(one, language, part)
      return text === '' ? [] : { language, part, text }
    }),
  )
  const draft: Extension = {
    url: extensions.patientTextDraft,
    extension: [
      ...(withdrawal === '' ? [] : [{ url: 'withdrawal', valueCode: withdrawal }]),
      ...written.map(({ language, part, text }) => ({
        url: 'part',
        extension: [
          { url: 'language', valueCode: language },
          { url: 'name', valueCode: part },
          { url: 'text', valueString: text },
        ],
      })),
    ],
  }
  const others = extensionsBesides(study)
  return withExtensions(study, isEmptyDraft(one) ? others : [...others, draft])
}

/** The study with the draft as the version to sign from now on. All earlier versions stay as they are. */
export const withPublished = (study: ResearchStudy, draft: TextDraft, classes: CodeClasses): ResearchStudy => {
  const text: Extension = {
    url: extensions.patientText,
    extension: [
      { url: 'version', valueString: nextVersion(study) },
      ...writtenLanguages(draft, study).map(language => ({
        url: 'text',
        valueAttachment: attachmentOf(draft, language),
      })),
      // For a preview, it may not have been chosen yet.
      ...(draft.withdrawal === '' ? [] : [{ url: 'withdrawal', valueCode: draft.withdrawal }]),
      ...everyRequest(study, classes).map(({ kind, source }) => ({ url: 'asks', valueString: askOf(kind, source) })),
    ],
  }
  return withExtensions(study, [...extensionsBesides(study), text])
}

/** The draft to begin with if there is none: the words of the last version, if that was written here. */
export const draftAfter = (study: ResearchStudy): TextDraft => {
  const last = extensionsOf(study, extensions.patientText).at(-1) ?? {}
  const texts = extensionsOf(last, 'text').flatMap(({ valueAttachment }) => valueAttachment ?? [])
  const wordsIn = (language: string): Readonly<Record<TextPart, string>> => {
    const text = texts.find(one => (one.language ?? 'en') === language)
    const blocks = cutInParts(Buffer.from(text?.data ?? '', 'base64').toString('utf8'), language)
    return eachPart(name => {
      const heading = headingWritten(name, language)
      return blocks.find(block => block.heading === heading)?.rest.slice(2) ?? ''
    })
  }
  return { withdrawal: extensionOf(last, 'withdrawal')?.valueCode ?? '', words: eachLanguage(wordsIn) }
}

/** What patients read in a language: the words of each part, below its heading. */
export const attachmentOf = (draft: TextDraft, language: string): Attachment => {
  const text = textParts
    .map(part => `${headingWritten(part, language)}\n\n${writtenIn(draft, language, part)}`)
    .join(betweenParts)
  return { contentType: 'text/plain', language, data: Buffer.from(text).toString('base64') }
}

/** Each language in which something is written, and the study's own, unless it is written in English. */
export const writtenLanguages = (draft: TextDraft, study: Pick<ResearchStudy, 'language'>): readonly string[] => {
  const isWritten = (language: string) => textParts.some(part => writtenIn(draft, language, part) !== '')
  const needed = isWritten('en') ? 'en' : textLanguage(study)
  return textLanguages.filter(language => language === needed || isWritten(language))
}

/** What is still missing before the draft can be published, in words for staff. */
export const missingInDraft = (draft: TextDraft, study: ResearchStudy, classes: CodeClasses): readonly string[] => [
  ...writtenLanguages(draft, study).flatMap(language =>
    textParts.flatMap(part => (writtenIn(draft, language, part) === '' ? [partName(language, part)] : [])),
  ),
  ...(draft.withdrawal === '' ? ['what a withdrawal does'] : []),
  ...missingRequests(study, classes),
  ...sameAsPublished(study, draft).map(
    language => `${languageName(language)}: a change, for it says what an earlier version says`,
  ),
]

/** What is still missing before the study can ask anybody. */
export const missingForPatients = (study: ResearchStudy, classes: CodeClasses): readonly Missing[] => [
  ...missingRequests(study, classes).map(what => ({ page: 'data', what }) as const),
  ...missingText(study).map(what => ({ page: 'text', what }) as const),
]

/** `page`: of the settings, where it can be given. */
type Missing = { readonly page: 'data' | 'text'; readonly what: string }

const missingText = (study: ResearchStudy): readonly string[] => [
  ...(versionsOf(study).length === 0 ? ['a published text for patients'] : []),
  ...(missingInPublished(study).length === 0
    ? []
    : [`parts of the text for patients (${missingInPublished(study).join('; ')})`]),
]

/** What the version that patients sign now lacks, as one that was not written on these pages may, in words for staff. */
export const missingInPublished = (study: ResearchStudy): readonly string[] =>
  missingParts(study).flatMap(({ language, parts }) => parts.map(part => partName(language, part)))

const partName = (language: string, part: TextPart): string =>
  `${languageName(language)}: ${headingOf(part, 'en').toLowerCase()}`

/** What the study asks for, but the version that patients now sign does not name. */
export const unnamedRequests = (study: ResearchStudy, classes: CodeClasses): readonly string[] => {
  const asks = textAsks(study)
  const unnamed = everyRequest(study, classes).filter(({ kind, source }) => asks?.has(askOf(kind, source)) === false)
  return [...new Set(unnamed.map(({ kind }) => displayOf(kind, classes)))]
}

const missingRequests = (study: ResearchStudy, classes: CodeClasses): readonly string[] => {
  const requests = requestsOf(study, classes)
  if (requests.length === 0) return ['the data that the study asks for']
  return requests.some(({ reason }) => reason === '') ? ['the reason for some of the data'] : []
}

/** The names of the published versions, in their order. */
export const versionsOf = ({ extension = [] }: ResearchStudy): readonly string[] =>
  extension.flatMap(entry =>
    entry.url === extensions.patientText ? (extensionOf(entry, 'version')?.valueString ?? []) : [],
  )

const nextVersion = (study: ResearchStudy): string => {
  const taken = new Set(versionsOf(study))
  let next = taken.size + 1
  while (taken.has(String(next))) next += 1
  return String(next)
}

/** The languages in which the draft says just what an earlier version says. That is refused, since a Consent names its text by its words alone. */
const sameAsPublished = (study: ResearchStudy, draft: TextDraft): readonly string[] => {
  const { extension = [] } = study
  const published = new Set(
    extension.flatMap(entry =>
      entry.url === extensions.patientText
        ? (entry.extension ?? []).flatMap(({ valueAttachment }) => valueAttachment?.data ?? [])
        : [],
    ),
  )
  return writtenLanguages(draft, study).filter(language => published.has(attachmentOf(draft, language).data ?? ''))
}

/** All extensions but the draft. */
const extensionsBesides = ({ extension = [] }: ResearchStudy): readonly Extension[] =>
  extension.filter(({ url }) => url !== extensions.patientTextDraft)

function eachLanguage<T>(make: (language: string) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(textLanguages.map(language => [language, make(language)]))
}

export function eachPart<T>(make: (part: TextPart) => T): Readonly<Record<TextPart, T>> {
  return Object.fromEntries(textParts.map(part => [part, make(part)])) as Record<TextPart, T>
}
