import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Words } from '../../messages/catalogue.ts'
import { nameOf, type OwnRecord } from '../../studies/consent/own-record.ts'
import type { Sharing } from '../../studies/consent/own-sharing.ts'
import type { StudyAnswered } from '../../studies/consent/waiting-answer.ts'
import { titleIn } from '../../studies/definition/study-words.ts'
import type { Html } from '../page/html.ts'
import { worded } from '../page/wording.ts'

/** The title of a study, in the reader's language; for all others, their name. */
export const receiverName = async (
  { record, receiver }: Sharing,
  answered: StudyAnswered | undefined,
  words: Words,
): Promise<Html | string> => {
  const study = answered?.study ?? (await studyOf(record, receiver))
  if (study !== undefined) return worded(titleIn(study, words), words)
  const name = await nameOf(record, receiver)
  return name === '' ? words.say('disclosures.unnamed') : (name ?? words.say('sharing.unknown'))
}

const studyOf = async (record: OwnRecord, reference: string | undefined): Promise<ResearchStudy | undefined> => {
  const [type, id = ''] = reference?.split('/') ?? []
  return type === 'ResearchStudy' ? record.read<ResearchStudy>(type, id) : undefined
}
