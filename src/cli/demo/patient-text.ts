import type { Consent, Extension } from '@medplum/fhirtypes'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { extensions } from '../../fhir/canonical.ts'
import { measures, requested } from './cast.ts'
import { organizations, type StudyKey, studies } from './staff.ts'

/** What the people of a study read before they say yes or no, in its one version. */
export const patientText = (study: StudyKey): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: '1' },
    { url: 'text', valueAttachment: { contentType: 'text/plain', language: 'en', data: dataOf(study) } },
    { url: 'withdrawal', valueCode: 'hide' },
  ],
})

/** What a Consent to the study names as read. */
export const sourceOf = (study: StudyKey): Pick<Consent, 'sourceAttachment'> => ({
  sourceAttachment: { contentType: 'text/plain', language: 'en', hash: digestOf('sha1', dataOf(study)) },
})

const dataOf = (study: StudyKey): string => Buffer.from(wordsOf(study)).toString('base64')

const wordsOf = (study: StudyKey): string => {
  const { title, organization, access } = studies[study]
  const asked = requested[study].map(({ measure }) => measures[measure].display.toLowerCase())
  const { name } = organizations[organization]
  return [
    `${title}. ${name} asks you to share: ${[...new Set(asked)].join(', ')}.`,
    access === 'organization'
      ? `Members of ${name} and the staff of the study read it.`
      : 'Only the staff of the study reads it.',
    'You choose what of it, from which devices and from when on. You can end it at any time, as easily as you began:',
    'then nobody of the study reads anything of you any more. Your own data stays yours.',
  ].join('\n')
}
