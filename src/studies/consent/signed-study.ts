import type { Organization, ResearchStudy, Resource } from '@medplum/fhirtypes'
import { intervalOf } from '../../fhir/date.ts'
import { unlessRefused } from '../../fhir/error.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { OwnParts, OwnRecord } from './own-record.ts'
import { type StudyAsked, toStudyAsked } from './own-study.ts'

/** The study as it was when it was signed, and its organization by the name that it had then, in the words that were shown. */
export const findSigned = async (
  parts: Pick<OwnParts, 'codeClasses'>,
  { study, record, consent }: StudyAsked,
  { at, words }: { readonly at: string; readonly words: Words },
): Promise<StudyAsked> => {
  const language = consent?.language ?? consent?.sourceAttachment?.language ?? words.code
  const then = (await findAt<ResearchStudy>(record, 'ResearchStudy', study.id ?? '', at)) ?? study
  const asked = await toStudyAsked(parts, { study: then, record, words, language })
  const { id, name } = asked.organization
  const organization = await findAt<Organization>(record, 'Organization', id, at)
  return { ...asked, consent, organization: { id, name: organization?.name ?? name } }
}

/** Undefined if there was none yet, as on the day of a paper that is older than the study. */
const findAt = async <R extends Resource>(
  { store }: OwnRecord,
  type: R['resourceType'],
  id: string,
  at: string,
): Promise<R | undefined> => {
  const interval = intervalOf(at)
  if (interval === undefined) return undefined
  const asked = { count: 1, at: interval, cursor: undefined }
  const page = await unlessRefused(() => store.history(type, id, asked))
  const content = page?.entries[0]?.content
  return content === undefined ? undefined : JSON.parse(content)
}
