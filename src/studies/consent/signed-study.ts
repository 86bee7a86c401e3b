import type { Organization, ResearchStudy } from '@medplum/fhirtypes'
import { presentContacts } from '../../accounts/contact/reach.ts'
import { visibleName } from '../../fhir/display-name.ts'
import type { Words } from '../../messages/catalogue.ts'
import { findAt } from './as-it-was.ts'
import type { OwnParts } from './own-record.ts'
import { type StudyAsked, toStudyAsked } from './own-study.ts'

/** The study as it was when it was signed, and its organization by the name and contacts that it had then, in the words that were shown. */
export const findSigned = async (
  parts: Pick<OwnParts, 'codeClasses'>,
  { study, record, consent }: StudyAsked,
  { at, words }: { readonly at: string; readonly words: Words },
): Promise<StudyAsked> => {
  const language = consent?.language ?? consent?.sourceAttachment?.language ?? words.code
  const then = (await findAt<ResearchStudy>(record, 'ResearchStudy', study.id ?? '', at)) ?? study
  const asked = await toStudyAsked(parts, { study: then, record, words, language })
  const { id, name, contacts } = asked.organization
  const organization = await findAt<Organization>(record, 'Organization', id, at)
  const known = organization === undefined ? contacts : presentContacts(organization)
  return { ...asked, consent, organization: { id, name: visibleName(organization?.name) ?? name, contacts: known } }
}
