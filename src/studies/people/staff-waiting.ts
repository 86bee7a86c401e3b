import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { asksForConsent, enrollingInto, keepsRefused, worksInStudy } from '../../access/questions.ts'
import { type OpenStoreAs, ownStore } from '../../accounts/person.ts'
import { and, type Expression, or } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Database } from '../../storage/database.ts'
import { type WaitingStudy, waitingStudies } from '../../storage/study/waiting-study.ts'
import { findEnrolledPeople, type StudyParts } from './enrolled-people.ts'
import { seesAnswersOf } from './sees-answers.ts'
import type { StudyActions } from './study-actions.ts'

/** What waits for somebody in a study. */
export type StaffWaiting = {
  readonly study: ResearchStudy
  /** Consents on paper for them to confirm or discard, other than those that they have recorded themselves. */
  readonly papers: number
  /** People whose last message failed, and is still to be said. */
  readonly failed: number
  /** Documents that were refused. */
  readonly refused: number
}

export type StaffWaitings = {
  readonly waiting: readonly StaffWaiting[]
  /** Whether there are studies with something for them that were not looked at. */
  readonly isCut: boolean
}

export type StaffWaitingParts = StudyParts & {
  readonly accounts: { readonly database: Database; readonly openStoreAs: OpenStoreAs }
  readonly studyActions: Pick<StudyActions, 'among'>
}

/**
 * The studies in which something waits for whoever works in them, by title. One is looked at after the other, so that who has many holds up nobody;
 * at most `limit` of them. What is cut off are only studies in which the caller may see to what waits: of others they learn nothing by that.
 *
 * Whether there is anything for them the server asks for itself, by the same questions: it leaves no record of somebody's search whenever they open the
 * page of their own account, such as to look at what they share as a patient. What they are told passes their own access, and is recorded.
 */
export const findStaffWaiting = async (
  parts: StaffWaitingParts,
  caller: Caller,
  limit: number,
): Promise<StaffWaitings> => {
  const duties = { papers: asksForConsent(caller), failed: enrollingInto(caller), refused: keepsRefused(caller) }
  const own = await studiesIn(parts, caller, or(...Object.values(duties)))
  const raw = await waitingStudies(parts.accounts.database, [...own].slice(0, mostStudies))
  if (raw.length === 0) return { waiting: [], isCut: own.size > mostStudies }
  const among = (duty: Expression) =>
    studiesIn(parts, caller, and(duty, { kind: 'identified', ids: raw.map(({ study }) => study) }))
  const [papers, failed, refused] = await Promise.all([duties.papers, duties.failed, duties.refused].map(among))
  const theirs = raw
    .map(one => ({
      ...one,
      papers: papers?.has(one.study) ? one.papers : [],
      hasUnsaid: one.hasUnsaid && failed?.has(one.study) === true,
      refused: refused?.has(one.study) ? one.refused : 0,
    }))
    .filter(hasAny)
  const known = await withContent(parts, caller, theirs)
  const waiting: StaffWaiting[] = []
  for (const { study, ...one } of known.slice(0, limit)) {
    const found = {
      study,
      papers: one.papers.length === 0 ? 0 : await papersIn(parts, caller, study, one.papers),
      failed: one.hasUnsaid ? ((await parts.studyActions.among(caller, study, 'failed'))?.length ?? 0) : 0,
      refused: one.refused,
    }
    if (found.papers + found.failed + found.refused > 0) waiting.push(found)
  }
  return { waiting, isCut: own.size > mostStudies || known.length > limit }
}

/** Whoever manages a large tree may see more. */
const mostStudies = 1000

type Waits = Omit<WaitingStudy, 'study'>

const hasAny = ({ papers, hasUnsaid, refused }: Waits): boolean => papers.length > 0 || hasUnsaid || refused > 0

/** Ids of the studies in which the caller works, of these. */
const studiesIn = async (
  { registry, accounts }: StaffWaitingParts,
  caller: Caller,
  which: Expression,
): Promise<ReadonlySet<string>> => {
  const asked = parseSearch(registry, 'ResearchStudy', new URLSearchParams())
  const where = and(asked.where, worksInStudy(caller), which)
  const found = await ownStore(accounts.openStoreAs).matches({ ...asked, where }, mostStudies + 1)
  return new Set(found.map(({ id }) => id))
}

/** By title. Papers are counted only if the caller may know who has answered. */
const withContent = async (
  { registry, openStoreFor }: StaffWaitingParts,
  caller: Caller,
  theirs: readonly WaitingStudy[],
): Promise<readonly (Waits & { readonly study: ResearchStudy })[]> => {
  if (theirs.length === 0) return []
  const asked = parseSearch(
    registry,
    'ResearchStudy',
    new URLSearchParams({ _sort: 'title', _count: `${mostStudies}` }),
  )
  const where = and(asked.where, worksInStudy(caller), { kind: 'identified', ids: theirs.map(({ study }) => study) })
  const { entries } = await openStoreFor(caller).search({ ...asked, where })
  const waits = new Map(theirs.map(one => [one.study, one]))
  return entries.flatMap(({ id, content }) => {
    const one = waits.get(id)
    if (one === undefined) return []
    const study: ResearchStudy = JSON.parse(content)
    const known = { ...one, study, papers: seesAnswersOf(caller, study) ? one.papers : [] }
    return hasAny(known) ? [known] : []
  })
}

/** Nobody is found, and so nobody is looked at: they are counted alone. */
const papersIn = async (
  parts: StaffWaitingParts,
  caller: Caller,
  study: ResearchStudy,
  among: readonly string[],
): Promise<number> => {
  const { total } = await findEnrolledPeople(parts, caller, study, {
    state: 'paper',
    notRecordedBy: caller.practitioner ?? '',
    among,
    limit: 0,
  })
  return total
}
