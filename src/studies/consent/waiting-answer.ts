import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Words } from '../../messages/catalogue.ts'
import { takesNewPatients } from '../../storage/model/consent/accrual.ts'
import { isInForce } from '../../storage/model/study.ts'
import { type OwnStudy, studiesOfPerson } from '../../storage/study/own-study.ts'
import { type OwnParts, openOwnRecord } from './own-record.ts'
import { findConsent, findStudyAsked, type StudyAsked, statusOfAnswer } from './own-study.ts'
import { isSignedEarlier, isUnfinished } from './patient-text.ts'
import { findWaitingPaper } from './waiting-paper.ts'

/** All studies that ask the person, or that they have answered. */
export const studiesAsked = async (parts: OwnParts, person: string, words: Words): Promise<readonly StudyAsked[]> => {
  const own = await studiesOfPerson(parts.accounts.database, person)
  const asked = await Promise.all(own.map(({ study }) => findStudyAsked(parts, person, study, words)))
  return asked.filter(one => one !== undefined)
}

type Answer = Pick<
  StudyAsked,
  'study' | 'consent' | 'deleted' | 'paperSince' | 'isEnrolled' | 'isInForce' | 'isClosed' | 'isUnfinished'
>

/**
 * Whether the person has an answer to give. What was signed is asked for again when the text has changed. A study that does not run, or whose
 * text lacks a part, asks for nothing, and a consent on paper is confirmed by staff first.
 */
export const waitsForAnswer = (asked: Answer): boolean =>
  asked.paperSince === undefined &&
  asked.isEnrolled &&
  asked.isInForce &&
  !asked.isClosed &&
  !asked.isUnfinished &&
  (isOpen(statusOfAnswer(asked)) || isSignedEarlier(asked))

const isOpen = (status: ReturnType<typeof statusOfAnswer>): boolean => status === undefined || status === 'proposed'

/** Ids of the studies that wait for an answer of the person's, without reading what they ask for. */
export const findWaitingStudies = async (parts: OwnParts, person: string): Promise<readonly string[]> => {
  const own = (await studiesOfPerson(parts.accounts.database, person)).filter(({ isEnrolled }) => isEnrolled)
  const answers = await Promise.all(own.map(one => findAnswer(parts, person, one)))
  return own.flatMap(({ study }, index) => {
    const answer = answers[index]
    return answer !== undefined && waitsForAnswer(answer) ? study : []
  })
}

const findAnswer = async (
  parts: OwnParts,
  person: string,
  { study: id, patient, isEnrolled, deleted }: OwnStudy,
): Promise<Answer | undefined> => {
  const record = await openOwnRecord(parts, person, patient)
  const study = await record?.read<ResearchStudy>('ResearchStudy', id)
  if (record === undefined || study === undefined || !isInForce(study)) return undefined
  const consent = await findConsent(record, id)
  const paper = await findWaitingPaper(parts.accounts.database, consent)
  const isClosed = !takesNewPatients(study) && consent?.status !== 'active'
  return {
    study,
    consent,
    deleted,
    paperSince: paper?.record.recordedAt,
    isEnrolled,
    isInForce: true,
    isClosed,
    isUnfinished: isUnfinished({ study, consent }),
  }
}
