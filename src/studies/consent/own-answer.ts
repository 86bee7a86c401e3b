import type { Consent } from '@medplum/fhirtypes'
import { studiesNamed } from '../../access/consent-study.ts'
import { isStanding } from '../../storage/model/consent/consent-open.ts'
import type { OwnRecord } from './own-record.ts'

/**
 * The Consent to the study, by whichever record of the human it was given. `ofHuman`, because staff may also see the answers of other people
 * to the same study. A preview is about nobody, and so has none.
 */
export const findConsent = async (record: OwnRecord, study: string): Promise<Consent | undefined> => {
  if (record.patient === '') return undefined
  return oneStanding(await answersTo(record, study))
}

/** The same for several studies, by their ids. */
export const findConsents = async (
  record: OwnRecord,
  studies: readonly string[],
): Promise<ReadonlyMap<string, Consent>> => {
  const asked = { study: studies.map(id => `ResearchStudy/${id}`).join(','), _sort: '-_lastUpdated', _count: '1000' }
  const all = studies.length === 0 ? [] : await record.find<Consent>('Consent', asked, record.ofHuman)
  const answers = all.filter(one => isStanding(one) || isAnswer(one))
  return new Map(
    studies.flatMap(id => {
      const found = oneStanding(answers.filter(one => studiesNamed(one).includes(id)))
      return found === undefined ? [] : [[id, found] as const]
    }),
  )
}

const oneStanding = (all: readonly Consent[]): Consent | undefined => all.find(isStanding) ?? all[0]

/** Their Consents to the study that stand, or are an answer, the last one first. */
export const answersTo = async (record: OwnRecord, study: string): Promise<readonly Consent[]> => {
  const query = { study: `ResearchStudy/${study}`, _sort: '-_lastUpdated', _count: '100' }
  const all = await record.find<Consent>('Consent', query, record.ofHuman)
  return all.filter(one => isStanding(one) || isAnswer(one))
}

/** A draft is none yet, and what was entered in error never was one. */
const isAnswer = ({ status }: Consent): boolean => status === 'rejected' || status === 'inactive'
