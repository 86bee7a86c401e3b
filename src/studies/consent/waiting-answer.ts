import type { ResearchStudy } from '@medplum/fhirtypes'
import { type OwnStudy, studiesOfPerson } from '../../storage/study/own-study.ts'
import { findConsents } from './own-answer.ts'
import { type OwnParts, openOwnRecord } from './own-record.ts'
import { type StudyAsked, statusOfAnswer } from './own-study.ts'
import { isSignedEarlier, isUnfinished } from './patient-text.ts'
import { runsNow } from './runs-now.ts'
import { findWaitingPaper } from './waiting-paper.ts'

/** What a person has answered to a study that asks them, without all that it asks for. */
export type StudyAnswered = Pick<
  StudyAsked,
  'study' | 'consent' | 'deleted' | 'paperSince' | 'isEnrolled' | 'isToCome' | 'isInForce' | 'isClosed' | 'isUnfinished'
>

/** All studies that ask the person, or that they have answered. However many there are, they are read at once. */
export const studiesAnswered = async (parts: OwnParts, person: string): Promise<readonly StudyAnswered[]> => {
  const own = await studiesOfPerson(parts.accounts.database, person)
  const found = new Map<string, StudyAnswered>()
  for (const [patient, ofPatient] of Map.groupBy(own, one => one.patient))
    for (const one of await answeredBy(parts, person, patient, ofPatient)) found.set(one.study.id ?? '', one)
  return own.flatMap(({ study }) => found.get(study) ?? [])
}

/**
 * Whether the person has an answer to give. What was signed is asked for again when the text has changed. A study that does not run, or whose
 * text lacks a part, asks for nothing, and a consent on paper is confirmed by staff first.
 */
export const waitsForAnswer = (asked: StudyAnswered): boolean =>
  asked.paperSince === undefined &&
  asked.isEnrolled &&
  asked.isInForce &&
  !asked.isClosed &&
  !asked.isUnfinished &&
  (isOpen(statusOfAnswer(asked)) || isSignedEarlier(asked))

const isOpen = (status: ReturnType<typeof statusOfAnswer>): boolean => status === undefined || status === 'proposed'

/** Ids of the studies that wait for an answer of the person's. */
export const findWaitingStudies = async (parts: OwnParts, person: string): Promise<readonly string[]> =>
  (await studiesAnswered(parts, person)).filter(waitsForAnswer).flatMap(({ study }) => study.id ?? [])

const answeredBy = async (
  parts: OwnParts,
  person: string,
  patient: string,
  own: readonly OwnStudy[],
): Promise<readonly StudyAnswered[]> => {
  const record = await openOwnRecord(parts, person, patient)
  if (record === undefined) return []
  const query = { _id: own.map(({ study }) => study).join(','), _count: '1000' }
  const studies = new Map(
    (await record.find<ResearchStudy>('ResearchStudy', query)).map(study => [study.id ?? '', study]),
  )
  const consents = await findConsents(record, [...studies.keys()])
  return Promise.all(
    own.flatMap(({ study: id, isEnrolled, isToCome, deleted }) => {
      const [study, consent] = [studies.get(id), consents.get(id)]
      if (study === undefined) return []
      const runs = runsNow(study)
      return findWaitingPaper(parts.accounts.database, consent).then(paper => ({
        study,
        consent,
        deleted: consent === undefined ? deleted : undefined,
        paperSince: paper?.record.recordedAt,
        isEnrolled,
        isToCome,
        isInForce: runs.isInForce,
        isClosed: runs.isInForce && runs.isClosed && consent?.status !== 'active',
        isUnfinished: runs.isUnfinished && isUnfinished({ study, consent }),
      }))
    }),
  )
}
