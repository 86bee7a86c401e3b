import type { Attachment } from '@medplum/fhirtypes'
import { textParts } from '../../src/access/text-parts.ts'
import { betweenParts, headingWritten } from '../../src/studies/definition/text-part.ts'

/** A whole text for patients: its key facts are the words, and each other part says something as well. */
export const wholeText = (words: string, language = 'en'): string =>
  textParts.map((part, index) => `${headingWritten(part, language)}\n\n${index === 0 ? words : '…'}`).join(betweenParts)

/** In base64, as a study has it. */
export const wholeTextData = (words: string, language = 'en'): string =>
  Buffer.from(wholeText(words, language)).toString('base64')

export const wholeTextIn = (language: string, words: string): Attachment => ({
  contentType: 'text/plain',
  language,
  data: wholeTextData(words, language),
})
