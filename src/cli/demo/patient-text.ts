import type { Consent, Extension } from '@medplum/fhirtypes'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { extensions } from '../../fhir/canonical.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { kindOf, measures, requested } from './cast.ts'
import { organizations, type StudyKey, studies } from './staff.ts'
import { titles } from './study-words.ts'

type Language = 'en' | 'es'

/** What the people of a study read before they say yes or no; it has only one version. */
export const patientText = (study: StudyKey): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: '1' },
    ...(['en', 'es'] as const).map(language => ({
      url: 'text',
      valueAttachment: { contentType: 'text/plain', language, data: dataOf(study, language) },
    })),
    { url: 'withdrawal', valueCode: 'hide' },
  ],
})

/** The text that a Consent to the study says was read. */
export const sourceOf = (study: StudyKey): Pick<Consent, 'sourceAttachment'> => ({
  sourceAttachment: { contentType: 'text/plain', language: 'en', hash: digestOf('sha1', dataOf(study, 'en')) },
})

const dataOf = (study: StudyKey, language: Language): string => Buffer.from(wordsIn[language](study)).toString('base64')

const askedIn = (study: StudyKey, language: Language): string => {
  const { kind } = wordsFor(language)
  const asked = requested[study].map(({ measure }) => kind(kindOf(measure), measures[measure].display).toLowerCase())
  return [...new Set(asked)].join(', ')
}

const wordsIn: Readonly<Record<Language, (study: StudyKey) => string>> = {
  en: study => {
    const { organization, access } = studies[study]
    const { name } = organizations[organization]
    return [
      `${titles[study].en}. ${name} asks you to share: ${askedIn(study, 'en')}.`,
      access === 'organization'
        ? `Members of ${name} and the staff of the study read it.`
        : 'Only the staff of the study reads it.',
      'You choose what of it, from which devices and from when on. You can end it at any time, as easily as you began:',
      'then nobody of the study reads anything of you any more. Your own data stays yours.',
    ].join('\n')
  },
  es: study => {
    const { organization, access } = studies[study]
    const { name } = organizations[organization]
    return [
      `${titles[study].es}. ${name} le pide que comparta: ${askedIn(study, 'es')}.`,
      access === 'organization'
        ? `Lo leen quienes trabajan en ${name} y el personal del estudio.`
        : 'Solo lo lee el personal del estudio.',
      'Usted elige qué, de qué dispositivos y desde cuándo. Puede terminar en cualquier momento, tan fácilmente como empezó:',
      'entonces nadie del estudio lee ya nada de usted. Sus datos siguen siendo suyos.',
    ].join('\n')
  },
}
