import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import { extensionOf } from '../../fhir/extension.ts'
import { languageIn } from '../../fhir/language.ts'
import { translationsOf, type Wording, withText, withTranslations, wordingOf } from '../../fhir/translation.ts'
import { languageCodes, type Words } from '../../messages/catalogue.ts'

// What patients read of a study beside its text: in a language if the study has it in that, else in the study's own.

export const titleIn = (study: ResearchStudy, { code, say }: Pick<Words, 'code' | 'say'>): Wording =>
  wordingOf(study, 'title', { language: code, own: ownLanguage(study) }) ?? {
    text: say('study.untitled'),
    language: code,
  }

export const purposeIn = (study: ResearchStudy, language: string): Wording | undefined =>
  wordingOf(study, 'description', { language, own: ownLanguage(study) })

/** `entry`: one of the study's requests. */
export const reasonIn = (study: ResearchStudy, entry: Extension, language: string): Wording | undefined =>
  wordingOf(extensionOf(entry, 'reason') ?? {}, 'valueString', { language, own: ownLanguage(study) })

/** The languages in which this server speaks to patients, other than the study's own. */
export const furtherLanguages = (study: Pick<ResearchStudy, 'language'>): readonly string[] =>
  languageCodes.filter(code => code !== languageIn(ownLanguage(study)))

/** The study's own language where this server speaks it to patients, else English: a text that is written here is in it, or in English. */
export const textLanguage = (study: Pick<ResearchStudy, 'language'>): string =>
  languageCodes.find(code => code === languageIn(ownLanguage(study)).split('-', 1)[0]) ?? 'en'

/** The language of its own words, to which others may be added. */
export const ownLanguage = ({ language = 'en' }: Pick<ResearchStudy, 'language'>): string => language

/** Empty if there is none. */
export const translatedTitle = (study: ResearchStudy, language: string): string =>
  translatedIn(study, 'title', language)

export const translatedPurpose = (study: ResearchStudy, language: string): string =>
  translatedIn(study, 'description', language)

export const translatedReason = (entry: Extension, language: string): string =>
  translatedIn(extensionOf(entry, 'reason') ?? {}, 'valueString', language)

export const withTranslatedTitle = (study: ResearchStudy, words: readonly Wording[]): ResearchStudy =>
  withTranslations(study, 'title', { kind: 'string', words })

export const withTranslatedPurpose = (study: ResearchStudy, words: readonly Wording[]): ResearchStudy =>
  withTranslations(study, 'description', { kind: 'markdown', words })

/** The request with this reason, and with these translations of it in place of those in the same languages. */
export const withReason = (entry: Extension, reason: string, words: readonly Wording[]): Extension => {
  const before = extensionOf(entry, 'reason') ?? { url: 'reason' }
  const after = withTranslations(withText(before, 'valueString', reason), 'valueString', { kind: 'string', words })
  return { ...entry, extension: [...(entry.extension ?? []).filter(one => one !== before), after] }
}

const translatedIn = (holder: object, element: string, language: string): string =>
  translationsOf(holder, element).find(one => languageIn(one.language) === languageIn(language))?.text ?? ''
