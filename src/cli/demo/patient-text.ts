import type { Consent, Extension } from '@medplum/fhirtypes'
import type { TextPart } from '../../access/text-parts.ts'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { extensions } from '../../fhir/canonical.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { attachmentOf, type TextDraft, writtenLanguages } from '../../studies/definition/study-text.ts'
import { kindOf, measures, requested } from './cast.ts'
import { emailOf, organizations, type StudyKey, staff, studies } from './staff.ts'
import { purposes, titles } from './study-words.ts'

type Language = 'en' | 'es'

/** What the people of a study read before they say yes or no, in the parts that the pages ask for; it has only one version. */
export const patientText = (study: StudyKey): Extension => {
  const text = textOf(study)
  return {
    url: extensions.patientText,
    extension: [
      { url: 'version', valueString: '1' },
      ...writtenLanguages(text, {}).map(language => ({ url: 'text', valueAttachment: attachmentOf(text, language) })),
      { url: 'withdrawal', valueCode: text.withdrawal },
    ],
  }
}

/** The text that a Consent to the study says was read. */
export const sourceOf = (study: StudyKey): Pick<Consent, 'sourceAttachment'> => {
  const { data = '', ...text } = attachmentOf(textOf(study), 'en')
  return { sourceAttachment: { ...text, hash: digestOf('sha1', data) } }
}

const textOf = (study: StudyKey): TextDraft => ({
  withdrawal: 'hide',
  words: { en: wordsIn.en(study), es: wordsIn.es(study) },
})

const wordsIn: Readonly<Record<Language, (study: StudyKey) => Readonly<Record<TextPart, string>>>> = {
  en: study => {
    const { name, access, identity, contact } = factsOf(study)
    return {
      'key-facts': [
        `${titles[study].en}. ${purposes[study].en}`,
        'You decide whether you take part, which of your readings you share, from which devices, and from when on. Your care does not depend on it.',
      ].join('\n'),
      'who-and-why': [
        `${name} asks you for: ${askedIn(study, 'en')}.`,
        access === 'organization'
          ? `Members of ${name} and the staff of the study read it, for this study and nothing else.`
          : 'Only the staff of the study read it, for this study and nothing else.',
        ...(identity === 'coded' ? ['They know you by a code, not by your name.'] : []),
      ].join('\n'),
      duration: 'Until you stop, or until the study ends. You can also choose a last day for each kind of reading.',
      withdrawal:
        'At any time, on the page on which you began, or by telling us. Then nobody of the study reads anything of you any more. Your own data stays yours.',
      contact,
    }
  },
  es: study => {
    const { name, access, identity, contact } = factsOf(study)
    return {
      'key-facts': [
        `${titles[study].es}. ${purposes[study].es}`,
        'Usted decide si participa, qué mediciones comparte, de qué aparatos y desde cuándo. La atención que recibe no depende de ello.',
      ].join('\n'),
      'who-and-why': [
        `${name} le pide: ${askedIn(study, 'es')}.`,
        access === 'organization'
          ? `Lo leen quienes trabajan en ${name} y el personal del estudio, solo para este estudio.`
          : 'Solo lo lee el personal del estudio, y solo para este estudio.',
        ...(identity === 'coded' ? ['Le conocen por un código, no por su nombre.'] : []),
      ].join('\n'),
      duration:
        'Hasta que usted lo deje o el estudio termine. También puede elegir un último día para cada tipo de medición.',
      withdrawal:
        'En cualquier momento, en la misma página en la que empezó, o diciéndonoslo. Entonces nadie del estudio lee ya nada de usted. Sus datos siguen siendo suyos.',
      contact,
    }
  },
}

const factsOf = (study: StudyKey) => {
  const { organization, access, identity, invitedBy } = studies[study]
  const { name } = organizations[organization]
  const coordinator = staff[invitedBy]
  return {
    name,
    access,
    identity,
    contact: `${coordinator.given} ${coordinator.family}, ${name}: ${emailOf(coordinator)}`,
  }
}

const askedIn = (study: StudyKey, language: Language): string => {
  const { kind } = wordsFor(language)
  const asked = requested[study].map(({ measure }) => kind(kindOf(measure), measures[measure].display).toLowerCase())
  return [...new Set(asked)].join(', ')
}
