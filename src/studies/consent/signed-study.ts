import type { ResearchStudy } from '@medplum/fhirtypes'
import { intervalOf } from '../../fhir/date.ts'
import { unlessRefused } from '../../fhir/error.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { OwnParts, OwnRecord } from './own-record.ts'
import { type StudyAsked, toStudyAsked } from './own-study.ts'

/** The study as it was when it was signed, in the words that were shown then, whatever it says later or in another language. */
export const findSigned = async (
  parts: Pick<OwnParts, 'codeClasses'>,
  { study, record, consent }: StudyAsked,
  { at, words }: { readonly at: string; readonly words: Words },
): Promise<StudyAsked> => {
  const language = consent?.language ?? consent?.sourceAttachment?.language ?? words.code
  const then = (await findAt(record, study.id ?? '', at)) ?? study
  return { ...(await toStudyAsked(parts, { study: then, record, words, language })), consent }
}

/** Undefined if there was none yet, as on the day of a paper that is older than the study. */
const findAt = async ({ store }: OwnRecord, id: string, at: string): Promise<ResearchStudy | undefined> => {
  const interval = intervalOf(at)
  if (interval === undefined) return undefined
  const asked = { count: 1, at: interval, cursor: undefined }
  const page = await unlessRefused(() => store.history('ResearchStudy', id, asked))
  const content = page?.entries[0]?.content
  return content === undefined ? undefined : JSON.parse(content)
}
