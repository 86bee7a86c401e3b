import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { administeredBy, keepsRefused, worksInStudy } from '../../access/questions.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { isOver } from '../../storage/model/study.ts'
import { type WaitingStudy, waitingStudies } from '../../storage/study/waiting-study.ts'
import { mayWithdrawIn, type WithdrawalParts } from '../consent/withdrawal-by-staff.ts'
import type { Registering } from '../patient/registering.ts'
import { findEnrolledPeople } from './enrolled-people.ts'
import { seesAnswersOf } from './sees-answers.ts'
import type { StudyActions } from './study-actions.ts'

/** What waits for somebody in a study: each number is that of the list to which it belongs, as they see it. */
export type StaffWaiting = {
  readonly study: ResearchStudy
  /** Consents on paper for them to confirm or discard, other than those that they have recorded themselves. */
  readonly papers: number
  /** People whose last message failed, and is still to be said. */
  readonly failed: number
  /** Documents that were refused. */
  readonly refused: number
}

export type StaffWaitingParts = WithdrawalParts & {
  readonly registering: Pick<Registering, 'findStudy'>
  readonly studyActions: Pick<StudyActions, 'among'>
}

export type StaffWaitings = {
  readonly waiting: readonly StaffWaiting[]
  /** Whether there are studies that were not looked at. */
  readonly isCut: boolean
}

type Reader = { readonly caller: Caller; readonly person: string }

/**
 * The studies in which something waits for whoever works in them, by title. One is looked at after the other, so that who has many holds up nobody;
 * at most `limit` of those in which something may wait.
 */
export const findStaffWaiting = async (
  parts: StaffWaitingParts,
  reader: Reader,
  limit: number,
): Promise<StaffWaitings> => {
  const { accounts, registry, openStoreFor } = parts
  const { caller } = reader
  const store = openStoreFor(caller)
  const asked = parseSearch(registry, 'ResearchStudy', new URLSearchParams())
  const own = await store.matches({ ...asked, where: and(asked.where, worksInStudy(caller)) }, mostStudies)
  const ids = own.map(({ id }) => id)
  const may = new Map((await waitingStudies(accounts.database, ids)).map(one => [one.study, one]))
  if (may.size === 0) return { waiting: [], isCut: own.length === mostStudies }
  const byTitle = parseSearch(registry, 'ResearchStudy', new URLSearchParams({ _sort: 'title', _count: `${limit}` }))
  const where = and(byTitle.where, { kind: 'identified', ids: [...may.keys()] }, worksInStudy(caller))
  const { entries } = await store.search({ ...byTitle, where })
  const waiting: StaffWaiting[] = []
  for (const { id, content } of entries) {
    const one = await waitingIn(parts, reader, JSON.parse(content), may.get(id))
    if (one.papers + one.failed + one.refused > 0) waiting.push(one)
  }
  return { waiting, isCut: own.length === mostStudies || may.size > entries.length }
}

/** Whoever manages a large tree may see more. */
const mostStudies = 1000

const waitingIn = async (
  parts: StaffWaitingParts,
  reader: Reader,
  study: ResearchStudy,
  may: WaitingStudy | undefined,
): Promise<StaffWaiting> => {
  const [papers, failed, refused] = await Promise.all([
    may === undefined || may.papers.length === 0 ? 0 : papersIn(parts, reader, study, may.papers),
    may?.hasFailed === true ? failedIn(parts, reader, study) : 0,
    may?.hasRefused === true ? refusedIn(parts, reader, study) : 0,
  ])
  return { study, papers, failed, refused }
}

/** Nobody is found, and so nobody is looked at: they are counted alone. */
const papersIn = async (
  parts: StaffWaitingParts,
  { caller, person }: Reader,
  study: ResearchStudy,
  among: readonly string[],
): Promise<number> => {
  if (!seesAnswersOf(caller, study) || !(await mayWithdrawIn(parts, person, study.id ?? ''))) return 0
  const { total } = await findEnrolledPeople(parts, caller, study, {
    state: 'paper',
    notRecordedBy: caller.practitioner ?? '',
    among,
    text: '',
    sort: 'enrolment',
    offset: 0,
    limit: 0,
    seesAnswers: true,
  })
  return total
}

const failedIn = async (
  { registering, studyActions }: StaffWaitingParts,
  { caller, person }: Reader,
  study: ResearchStudy,
): Promise<number> => {
  const { id = '' } = study
  if (isOver(study) || (await registering.findStudy(person, id)) === undefined) return 0
  return (await studyActions.among(caller, study, 'failed'))?.length ?? 0
}

const refusedIn = async (
  { openStoreFor }: StaffWaitingParts,
  { caller }: Reader,
  { id = '' }: ResearchStudy,
): Promise<number> => {
  const { groups } = await openStoreFor(caller).quarantined({
    of: { kind: 'study', id },
    keepers: { studies: keepsRefused(caller), organizations: administeredBy(caller) },
    state: 'waiting',
    order: 'latest',
    offset: 0,
    limit: 0,
  })
  return groups.reduce((sum, { documents }) => sum + documents, 0)
}
